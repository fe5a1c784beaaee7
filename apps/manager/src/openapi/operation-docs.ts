/** What is said of every operation alike: the records it answers, examples, and errors that many have. */

import type { OpenAPIObject } from '@nestjs/swagger';
import { errorAnswers, errorReference } from './error-answers.js';
import { OPERATION_ANSWERS, type OperationAnswer } from './operation-answers.js';
import { RECORDS } from './records/index.js';
import { REQUEST_EXAMPLES } from './request-examples.js';
import { listOf, refTo, type Schema } from './schema-parts.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const JSON_TYPE = 'application/json';
/** Any operation can meet these: a path that cannot be decoded, a fault of ours, a ledger that is away. */
const ERRORS_OF_ALL = [400, 500, 503];
/** And whatever takes a body, or is asked to change something. */
const ERRORS_OF_WRITES = [401, 413, 415];

type PathItem = OpenAPIObject['paths'][string];
/** One operation of the document. */
export type Operation = NonNullable<PathItem['get']>;
type Content = Readonly<Record<string, { readonly schema?: Schema; readonly example?: unknown }>>;

/** Adds the records, and to each operation its examples and errors. */
export function describeOperations(document: OpenAPIObject): OpenAPIObject {
  const { components } = document;
  const schemas = { ...components?.schemas, ...RECORDS };
  return {
    ...document,
    components: { ...components, schemas, responses: errorAnswers() },
    paths: withEach(document.paths, (operation, method) => described(operation, method, schemas)),
  };
}

/** The same paths, each operation changed. */
export function withEach(
  paths: OpenAPIObject['paths'],
  change: (operation: Operation, method: string, path: string) => Operation,
): OpenAPIObject['paths'] {
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => {
      const changed = METHODS.flatMap((method) => {
        const operation = item[method];
        return operation === undefined ? [] : [[method, change(operation, method, path)] as const];
      });
      return [path, { ...item, ...Object.fromEntries(changed) }];
    }),
  );
}

function described(
  operation: Operation,
  method: string,
  schemas: Readonly<Record<string, Schema>>,
): Operation {
  const { operationId = '', requestBody, responses } = operation;
  const common = method === 'get' ? ERRORS_OF_ALL : [...ERRORS_OF_ALL, ...ERRORS_OF_WRITES];
  const statuses = Object.keys(responses).map(Number);
  const errors = [...new Set([...statuses.filter((status) => status >= 400), ...common])];
  const successes = Object.entries(responses).filter(([status]) => Number(status) < 400);
  return {
    ...operation,
    ...(requestBody === undefined || '$ref' in requestBody
      ? {}
      : { requestBody: withExamples(requestBody, REQUEST_EXAMPLES[operationId], schemas) }),
    responses: Object.fromEntries([
      ...successes.map(([status, answer]) => [
        status,
        withExamples(withRecord(answer ?? {}, operationId), undefined, schemas),
      ]),
      ...errors.sort((a, b) => a - b).map((status) => [status, errorReference(status)]),
    ]) as Operation['responses'],
  };
}

function withRecord<T extends object>(answer: T, operationId: string): T {
  const record: OperationAnswer | undefined = OPERATION_ANSWERS[operationId];
  if (record === undefined) return answer;
  const schema = typeof record === 'string' ? refTo(record) : listOf(record[0]);
  return { ...answer, content: { [JSON_TYPE]: { schema } } };
}

/** With an example of each content: the one given, or that of its schema. */
function withExamples<T extends object>(
  body: T,
  given: object | undefined,
  schemas: Readonly<Record<string, Schema>>,
): T {
  const { content } = body as { readonly content?: Content };
  if (content === undefined) return body;
  const described = Object.entries(content).map(([type, media]) => {
    const example = given ?? media.example ?? exampleOf(media.schema, schemas);
    return [type, example === undefined ? media : { ...media, example }] as const;
  });
  return { ...body, content: Object.fromEntries(described) };
}

/** Of a schema itself, of the record it refers to, of the first of several, or a list of one of these; undefined if there is none. */
function exampleOf(schema: Schema | undefined, schemas: Readonly<Record<string, Schema>>): unknown {
  if (schema === undefined) return undefined;
  if ('$ref' in schema) return exampleOf(schemas[schema.$ref.split('/').at(-1) ?? ''], schemas);
  if (schema.example !== undefined) return schema.example as unknown;
  if (schema.oneOf !== undefined) return exampleOf(schema.oneOf[0], schemas);
  if (schema.enum?.length === 1) return schema.enum[0] as unknown;
  if (schema.type !== 'array') return undefined;
  const item = exampleOf(schema.items, schemas);
  return item === undefined ? undefined : [item];
}
