/** Requests made at random from an OpenAPI document: mostly right, and wrong in every place. */

import fc from 'fast-check';

/** A request as it is sent. */
export interface RandomRequest {
  readonly method: string;
  /** With its query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string | undefined;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}
/** As much of a document as is read. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** Words that mean something to some route, so that many requests get far. */
const WORDS = [
  ...['root', 'guest', 'gc', 'cluster-1', 'super', 'normal', 'schedule', 'preheat', 'jobs', 'read'],
  ...['*', 'enable', 'disable', 'active', 'inactive', 'job', 'cluster', 'admin', 'delete_task'],
  ...['get_task', 'list_tasks', 'sync_peers', '127.0.0.1', '::1', 'h-1', 'a@example.com'],
  ...['2100-01-01T00:00:00Z', '1s', '30', 'http://example.com/a', 'https://u:p@example.com/?a=b'],
  ...['a'.repeat(64), 'f'.repeat(63), 'password1', "' or 1=1 --", '%27', '"', '../../etc', '{}'],
  ...['__proto__', 'constructor', 'toString', '\u0000', '\ud800', '🦅', '(a+)+$', '', ' '],
] as const;
/** Fields that the document does not name because they lie deeper. */
const NESTED = [
  ...['load_limit', 'candidate_parent_limit', 'filter_parent_limit', 'idc', 'location', 'cidrs'],
  ...['hostnames', 'block_list', 'task', 'download', 'urls', 'tags', 'value', 'regex', 'object'],
  ...['action', 'manager_keep_alive_interval', 'task_id', 'url', 'timeout', 'type', 'args'],
  ...['__proto__', 'constructor'],
] as const;

const aNumber = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.constantFrom(-1, -0, 0.5, 1e21, 65_535, 65_536, 2 ** 31, 2 ** 53, 4_194_304, 10_000_001),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const aText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 200, max: 5_000 }).map((length) => 'x'.repeat(length)),
  },
);
const anything: fc.Arbitrary<unknown> = fc.oneof(
  aNumber,
  aText,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 3 }),
);
const anObject = fc.dictionary(fc.constantFrom(...NESTED), fc.oneof(aNumber, aText, anything), {
  maxKeys: 5,
});
/** A path part or a parameter as text; an id most of the time. */
const aParameter = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }).map(String) },
  { weight: 3, arbitrary: aText },
  { weight: 1, arbitrary: fc.constantFrom('-1', '1.5', '1e3', '99999999999999999999', 'NaN') },
);

/** Requests over all operations, each as likely as the others. */
export function randomRequests(document: ApiDocument): fc.Arbitrary<RandomRequest> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  return fc.constantFrom(...operations).chain(({ path, method, operation }) =>
    fc
      .record({
        path: aPath(path),
        query: aQuery(operation.parameters ?? []),
        headers: someHeaders(operation.parameters ?? []),
        body: aBody(document, operation),
      })
      .map((made) => ({
        method: method.toUpperCase(),
        path: `${made.path}${made.query}`,
        headers: made.headers,
        body: made.body,
      })),
  );
}

function aPath(template: string): fc.Arbitrary<string> {
  const parts = template
    .split('/')
    .map((part) =>
      part.startsWith('{')
        ? fc.oneof(
            { weight: 9, arbitrary: aParameter.map(encoded) },
            { weight: 1, arbitrary: fc.constantFrom('%', '%ff', '%00', '..', '.', '%2e%2e%2f') },
          )
        : fc.constant(part),
    );
  return fc.tuple(...parts).map((made) => made.join('/'));
}

function aQuery(parameters: readonly Parameter[]): fc.Arbitrary<string> {
  const own = parameters
    .filter((one) => one.in === 'query')
    .map(({ name, schema }) =>
      fc.option(
        fc
          .oneof(
            aParameter,
            ...(schema.enum === undefined ? [] : [fc.constantFrom(...schema.enum)]),
          )
          .map((value) => `${name}=${encoded(String(value))}`),
        { freq: 2, nil: undefined },
      ),
    );
  const strange = fc.option(fc.constantFrom('page=1&page=2', 'a[b][c]=d', 'x', '%', 'wait=0'), {
    ...{ freq: 8, nil: undefined },
  });
  return fc.tuple(strange, ...own).map((made) => {
    const given = made.filter((part) => part !== undefined);
    return given.length === 0 ? '' : `?${given.join('&')}`;
  });
}

function someHeaders(
  parameters: readonly Parameter[],
): fc.Arbitrary<Record<string, string | undefined>> {
  const names = parameters.filter((one) => one.in === 'header').map(({ name }) => name);
  const value = fc.constantFrom('k1', 'k2', '120.1', 'x'.repeat(300), '0.0');
  return fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
}

function aBody(
  document: ApiDocument,
  { requestBody }: Operation,
): fc.Arbitrary<string | undefined> {
  const schema = requestBody?.content['application/json']?.schema;
  if (schema === undefined) return fc.constant(undefined);
  return fc.oneof(
    { weight: 20, arbitrary: aValue(document, schema, 0).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: anything.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.constantFrom('{', '{}{}', '', '\u0000', '[1,]', '{"a":1e999}') },
  );
}

function aValue(document: ApiDocument, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const right = rightValue(document, schema, depth);
  return depth === 0
    ? right
    : fc.oneof({ weight: 7, arbitrary: right }, { weight: 1, arbitrary: anything });
}

function rightValue(document: ApiDocument, schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return rightValue(document, find(document, schema.$ref), depth);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.properties !== undefined && depth < 4) {
    const fields = Object.entries(schema.properties).map(
      ([name, field]) => [name, aValue(document, field, depth + 1)] as const,
    );
    return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
  }
  if (schema.type === 'array') {
    return fc.array(aValue(document, schema.items ?? {}, depth + 1), { maxLength: 4 });
  }
  return SIMPLE[schema.type ?? ''] ?? fc.oneof(anObject, anything);
}

function find(document: ApiDocument, reference: string): Schema {
  return document.components?.schemas?.[reference.split('/').at(-1) ?? ''] ?? {};
}

const SIMPLE: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  object: anObject,
  string: aText,
  integer: aNumber,
  number: aNumber,
  boolean: fc.boolean(),
};

function encoded(text: string): string {
  // Half of a pair has no UTF-8.
  return encodeURIComponent(Buffer.from(text).toString());
}
