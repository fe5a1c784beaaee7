import type { Response } from 'express';

/** Most names that the header tells; the rest is counted. */
export const WARNED_FIELDS_MAX = 20;

const NAME_LENGTH_MAX = 64;

/** The `Warning` header for fields that were stripped; undefined if there are none. */
export function strippedFieldsWarning(fields: readonly string[]): string | undefined {
  if (fields.length === 0) return undefined;
  // Names come from the caller: only what is harmless in a quoted header value stays.
  const names = fields
    .slice(0, WARNED_FIELDS_MAX)
    .map((field) => field.replace(/[^\w.[\]-]/g, '?').slice(0, NAME_LENGTH_MAX));
  const more = fields.length - names.length;
  return `299 pondhawk "unknown fields ignored: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}"`;
}

/** Tells the caller which fields of his were stripped, if any. */
export function warnOfStripped(response: Response, fields: readonly string[]): void {
  const warning = strippedFieldsWarning(fields);
  if (warning !== undefined) response.setHeader('Warning', warning);
}
