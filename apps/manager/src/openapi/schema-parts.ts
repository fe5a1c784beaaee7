/** A short way to write down the records that are answered. */

import type { OpenAPIObject } from '@nestjs/swagger';

/** A schema of the document, or a reference to one. */
export type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

/**
 * Fields of a record by name, each with a word for its type or a schema. A name that ends in `?` may be
 * absent; a word that ends in `|null` may be null.
 */
export type RecordFields = Readonly<Record<string, string | Schema>>;

/** What every row of the manager begins with. */
export const ROW_FIELDS = {
  ...{ id: 'integer', created_at: 'time', updated_at: 'time', is_del: 'integer' },
} as const;
/** An example of them. */
export const ROW_EXAMPLE = {
  id: 1,
  created_at: '2026-11-22T10:00:00.000Z',
  updated_at: '2026-11-22T10:00:00.412Z',
  is_del: 0,
} as const;

const WORDS: Readonly<Record<string, Schema>> = {
  integer: { type: 'integer' },
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  time: { type: 'string', format: 'date-time' },
  object: { type: 'object', additionalProperties: true },
  strings: { type: 'array', items: { type: 'string' } },
  integers: { type: 'array', items: { type: 'integer' } },
  'integers by name': { type: 'object', additionalProperties: { type: 'integer' } },
};

/** A record itself. */
export type RecordSchema = Exclude<Schema, { readonly $ref: string }>;

/** A record with all its fields and one example. @throws Error if a field has a word that is not known. */
export function recordOf(fields: RecordFields, example: object): RecordSchema {
  const names = Object.keys(fields);
  const properties = names.map((name) => [bare(name), schemaOf(fields[name] ?? '')] as const);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: names.filter((name) => !name.endsWith('?')),
    example,
  };
}

/** The same record, or null. */
export function nullable(schema: RecordSchema): RecordSchema {
  return { ...schema, nullable: true };
}

/** A record of the document by its name. */
export function refTo(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** A list of such records. */
export function listOf(name: string): Schema {
  return { type: 'array', items: refTo(name) };
}

/** One of these texts. */
export function oneOf(...texts: readonly string[]): Schema {
  return { type: 'string', enum: [...texts] };
}

function bare(name: string): string {
  return name.replace(/\?$/, '');
}

function schemaOf(field: string | Schema): Schema {
  if (typeof field !== 'string') return field;
  const [word = '', nothing] = field.split('|');
  const schema = WORDS[word];
  if (schema === undefined) throw new Error(`no type is called "${word}"`);
  return nothing === undefined ? schema : { ...schema, nullable: true };
}
