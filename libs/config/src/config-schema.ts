import 'reflect-metadata';
import { getMetadataStorage } from 'class-validator';
import { Secret } from './secret.js';

/** A class of settings: fields with validators, sections as fields with `@ValidateNested`. */
export type ConfigClass<T extends object = object> = new () => T;

/** How a value is written in an environment variable. */
export type LeafKind = 'string' | 'number' | 'boolean' | 'list' | 'secret';

/** One setting. */
export interface Leaf {
  /** camelCase keys from the root. */
  readonly path: readonly string[];
  readonly kind: LeafKind;
}

/** A class of settings as found by reflection. */
export interface Section {
  readonly make: ConfigClass;
  readonly leaves: ReadonlyMap<string, LeafKind>;
  readonly sections: ReadonlyMap<string, Section>;
}

/** Reads a config class: its fields, their defaults and declared types. */
export function sectionOf(make: ConfigClass): Section {
  const defaults = new make() as Readonly<Record<string, unknown>>;
  const leaves = new Map<string, LeafKind>();
  const sections = new Map<string, Section>();
  for (const key of keysOf(make, defaults)) {
    const type = typeOf(make, { key, value: defaults[key] });
    if (type === undefined) leaves.set(key, 'string');
    else if (typeof type === 'string') leaves.set(key, type);
    else sections.set(key, sectionOf(type));
  }
  return { make, leaves, sections };
}

/** All settings below a section, depth first. */
export function leavesOf(section: Section, path: readonly string[] = []): Leaf[] {
  const own = [...section.leaves].map(([key, kind]) => ({ path: [...path, key], kind }));
  const nested = [...section.sections].flatMap(([key, child]) => leavesOf(child, [...path, key]));
  return [...own, ...nested];
}

/** `PONDHAWK_PEER` and `pieces.port` make `PONDHAWK_PEER_PIECES_PORT`. */
export function envNameOf(prefix: string, path: readonly string[]): string {
  const names = path.map((key) => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase());
  return [prefix, ...names].join('_');
}

function keysOf(make: ConfigClass, defaults: object): Set<string> {
  const validated = getMetadataStorage()
    .getTargetValidationMetadatas(make, '', true, false)
    .map(({ propertyName }) => propertyName);
  return new Set([...Object.keys(defaults), ...validated]);
}

/** The default decides, as inferred field types leave no trace; then the declared type. */
function typeOf(
  make: ConfigClass,
  { key, value }: { key: string; value: unknown },
): LeafKind | ConfigClass | undefined {
  const declared: unknown =
    value === undefined || value === null
      ? Reflect.getMetadata('design:type', make.prototype as object, key)
      : value.constructor;
  switch (declared) {
    case Number:
      return 'number';
    case Boolean:
      return 'boolean';
    case Array:
      return 'list';
    case Secret:
      return 'secret';
    case String:
    case Object:
    case undefined:
      return 'string';
    default:
      return declared as ConfigClass;
  }
}
