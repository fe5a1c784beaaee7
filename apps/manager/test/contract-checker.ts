/** Checks real answers against the committed OpenAPI document. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';

/** A schema as the document has it. */
type Schema = Readonly<Record<string, unknown>>;
interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
}
/** An answer of an operation, itself or by reference. */
export interface ResponseDoc {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, Media>>;
}
/** An operation of the document. */
export interface OperationDoc {
  readonly operationId: string;
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, ResponseDoc>>;
}
interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationDoc>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, ResponseDoc>>;
  };
}

/** What was answered to what. */
export interface Exchange {
  readonly method: string;
  /** With or without a query. */
  readonly path: string;
  readonly status: number;
  /** The content type; empty if there was none. */
  readonly type: string;
  readonly text: string;
}

/** An operation with where it is. */
export interface Listed {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationDoc;
}

/** Every time that is answered is of this form. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const COMMITTED = join(__dirname, '..', 'openapi.json');

/** The document, and what of it was seen. Fields that it does not name are faults, too. */
export class ContractChecker {
  /** `operationId status` of whatever was checked and right. */
  readonly seen = new Set<string>();
  readonly operations: readonly Listed[];
  private readonly document: ApiDocument;
  private readonly ajv = new Ajv({
    strict: false,
    allErrors: true,
    formats: { 'date-time': TIME },
  });
  private readonly compiled = new Map<Schema, ValidateFunction>();

  constructor(file = COMMITTED) {
    this.document = closed(JSON.parse(readFileSync(file, 'utf8'))) as ApiDocument;
    this.ajv.addSchema({ components: this.document.components }, 'document');
    this.operations = Object.entries(this.document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
    );
  }

  /** @returns what is wrong with an answer; undefined if nothing is, or the document has no such operation. */
  faultOf({ method, path, status, type, text }: Exchange): string | undefined {
    const operation = this.find(method, path);
    if (operation === undefined) return undefined;
    const key = `${operation.operationId} ${status}`;
    const response = this.resolve(operation.responses[status]);
    if (response === undefined) return `${key}: the document does not have this status`;
    const fault = this.bodyFault(response, type.split(';')[0] ?? '', text);
    if (fault === undefined) this.seen.add(key);
    return fault === undefined ? undefined : `${key}: ${fault}`;
  }

  /** An answer behind its reference, if it is one. */
  resolve(response: ResponseDoc | undefined): ResponseDoc | undefined {
    if (response?.$ref === undefined) return response;
    return this.document.components.responses[response.$ref.split('/').at(-1) ?? ''];
  }

  /** The example of a body. */
  exampleOf(operationId: string): object {
    const found = this.operations.find(({ operation }) => operation.operationId === operationId);
    return found?.operation.requestBody?.content['application/json']?.example as object;
  }

  /** @returns what is wrong with a value by a schema of the document. */
  valueFault(schema: Schema, value: unknown): string | undefined {
    const validate = this.compiled.get(schema) ?? this.ajv.compile(withDocument(schema) as Schema);
    this.compiled.set(schema, validate);
    if (validate(value)) return undefined;
    const errors = (validate.errors ?? []).map(({ instancePath, message = '', params }) => {
      const field = (params as { readonly additionalProperty?: string }).additionalProperty ?? '';
      return `${instancePath} ${message} ${field}`.trim();
    });
    return errors.join('; ');
  }

  private bodyFault(response: ResponseDoc, type: string, text: string): string | undefined {
    const { content } = response;
    if (content === undefined) return text === '' ? undefined : `a body where none is: ${text}`;
    const media = content[type];
    if (media === undefined) return `content type ${type}`;
    if (type !== 'application/json' || media.schema === undefined) return undefined;
    return this.valueFault(media.schema, JSON.parse(text));
  }

  /** A path that is spelled out goes before one with parameters. */
  private find(method: string, path: string): OperationDoc | undefined {
    const parts = (path.split('?')[0] ?? '').split('/');
    const fitting = this.operations.filter(
      (one) => one.method === method.toLowerCase() && fits(one.path.split('/'), parts),
    );
    return fitting.sort((a, b) => parametersOf(a.path) - parametersOf(b.path))[0]?.operation;
  }
}

function fits(template: readonly string[], parts: readonly string[]): boolean {
  return (
    template.length === parts.length &&
    template.every((part, index) =>
      part.startsWith('{') ? parts[index] !== '' : part === parts[index],
    )
  );
}

function parametersOf(path: string): number {
  return path.split('{').length;
}

/** Objects whose fields are all named have no others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, closed(one)] as const);
  const schema = Object.fromEntries(entries);
  const isClosed =
    schema['type'] === 'object' &&
    typeof schema['properties'] === 'object' &&
    schema['additionalProperties'] === undefined;
  return isClosed ? { ...schema, additionalProperties: false } : schema;
}

/** References as the validator finds them. */
function withDocument(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDocument);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      key === '$ref' ? `document${String(one)}` : withDocument(one),
    ]),
  );
}
