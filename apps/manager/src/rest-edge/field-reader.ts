import { InvalidArgumentError } from '@pondhawk/core';

/** Bounds of a whole number, both included. */
export interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

/** Bounds of a text, in characters. */
export interface TextBounds {
  readonly lengthMax: number;
}

/** Ids of the ledger, and user ids. */
export const ID_BOUNDS: NumberBounds = { min: 0, max: Number.MAX_SAFE_INTEGER };

/**
 * Reads the fields of one JSON object by name and remembers which names it was asked for, so that
 * the rest can be told to the caller. `null` counts as absent, as Go's clients write it.
 */
export class FieldReader {
  private readonly known = new Set<string>();
  private readonly fields: Readonly<Record<string, unknown>>;

  /**
   * @param prefix put before names in messages, like `args.`.
   * @throws InvalidArgumentError (`INVALID_FIELD`) unless `raw` is a JSON object.
   */
  constructor(
    raw: unknown,
    name: string,
    private readonly prefix = '',
  ) {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      throw invalidField(name, 'must be a JSON object');
    }
    this.fields = raw as Record<string, unknown>;
  }

  /** The value as it came; absent if it is `null`. */
  raw(field: string): unknown {
    this.known.add(field);
    return Object.hasOwn(this.fields, field) ? (this.fields[field] ?? undefined) : undefined;
  }

  /** @throws InvalidArgumentError (`INVALID_FIELD`) unless it is absent or a text within bounds. */
  text(field: string, { lengthMax }: TextBounds): string | undefined {
    const value = this.raw(field);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw invalidField(this.path(field), 'must be a text');
    if (value.length > lengthMax) {
      throw invalidField(this.path(field), `may have at most ${lengthMax} characters`);
    }
    // A NUL cannot be stored by every database, and means nothing in any of these fields.
    if (value.includes('\0')) throw invalidField(this.path(field), 'may not hold a NUL');
    return value;
  }

  /** @throws InvalidArgumentError (`INVALID_FIELD`) unless it is absent or a whole number within bounds. */
  wholeNumber(field: string, bounds: NumberBounds): number | undefined {
    const value = this.raw(field);
    return value === undefined ? undefined : requireWholeNumber(value, this.path(field), bounds);
  }

  /** @throws InvalidArgumentError (`INVALID_FIELD`) unless it is absent or a list of whole numbers within bounds. */
  wholeNumbers(
    field: string,
    { countMax, ...bounds }: NumberBounds & { readonly countMax: number },
  ): readonly number[] | undefined {
    const value = this.raw(field);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw invalidField(this.path(field), 'must be a list');
    if (value.length > countMax) {
      throw invalidField(this.path(field), `may have at most ${countMax} entries`);
    }
    return value.map((entry, index) =>
      requireWholeNumber(entry, `${this.path(field)}[${index}]`, bounds),
    );
  }

  /** @throws InvalidArgumentError (`INVALID_FIELD`) unless it is absent, true or false. */
  flag(field: string): boolean | undefined {
    const value = this.raw(field);
    if (value === undefined || typeof value === 'boolean') return value;
    throw invalidField(this.path(field), 'must be true or false');
  }

  /** @throws InvalidArgumentError (`INVALID_FIELD`) unless it is absent or a list of texts within bounds. */
  texts(
    field: string,
    { countMax, lengthMax }: TextBounds & { readonly countMax: number },
  ): readonly string[] | undefined {
    const value = this.raw(field);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw invalidField(this.path(field), 'must be a list');
    if (value.length > countMax) {
      throw invalidField(this.path(field), `may have at most ${countMax} entries`);
    }
    return value.map((entry: unknown, index) => {
      const path = `${this.path(field)}[${index}]`;
      if (typeof entry !== 'string') throw invalidField(path, 'must be a text');
      if (entry.length > lengthMax) {
        throw invalidField(path, `may have at most ${lengthMax} characters`);
      }
      if (entry.includes('\0')) throw invalidField(path, 'may not hold a NUL');
      return entry;
    });
  }

  /** A nested object; absent reads as an empty one. */
  object(field: string): FieldReader {
    return new FieldReader(this.raw(field) ?? {}, this.path(field), `${this.path(field)}.`);
  }

  /** Names that nobody asked for, with their prefix. */
  unknownFields(): string[] {
    return Object.keys(this.fields)
      .filter((field) => !this.known.has(field))
      .map((field) => this.path(field));
  }

  /** The field's name as messages show it. */
  path(field: string): string {
    return `${this.prefix}${field}`;
  }
}

/** An error that names the field and its rule; the text is `<field> <rule>.` */
export function invalidField(field: string, rule: string): InvalidArgumentError {
  return new InvalidArgumentError('INVALID_FIELD', `${field} ${rule}.`, { details: { field } });
}

function requireWholeNumber(value: unknown, field: string, { min, max }: NumberBounds): number {
  const isWhole = typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0);
  if (!isWhole || value < min || value > max) {
    throw invalidField(field, `must be a whole number from ${min} to ${max}`);
  }
  return value;
}
