import { readFileSync } from 'node:fs';
import { validateSync, type ValidationError } from 'class-validator';
import { parse } from 'yaml';
import { ConfigError, errnoOf, toError } from '@pondhawk/core';
import {
  envNameOf,
  leavesOf,
  sectionOf,
  type ConfigClass,
  type Leaf,
  type LeafKind,
  type Section,
} from './config-schema.js';
import { nearestOf } from './nearest-name.js';
import { Secret } from './secret.js';

/** Where settings come from. */
export interface LoadConfigOptions {
  /** A YAML file; absent: only environment and defaults. */
  readonly file?: string;
  /** The environment; its values win over the file's. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As `PONDHAWK_PEER`; every variable that begins so must be a setting. */
  readonly envPrefix: string;
}

type Settings = Record<string, unknown>;

/**
 * Reads the settings of a daemon: defaults of the class, then the file, then the environment; validated
 * and frozen.
 *
 * @throws ConfigError `CONFIG_FILE_UNREADABLE`, `CONFIG_UNKNOWN_KEY` (with the nearest known one), or
 *   `CONFIG_INVALID` that names every wrong key and its rule.
 */
export function loadConfig<T extends object>(make: ConfigClass<T>, options: LoadConfigOptions): T {
  const section = sectionOf(make);
  const config = new make();
  if (options.file !== undefined) {
    const source = { file: options.file, path: [] };
    applyFile(config as Settings, { section, raw: readYaml(options.file), ...source });
  }
  applyEnv(config as Settings, section, options);
  const problems = validateSync(config, { forbidUnknownValues: false }).flatMap((error) =>
    describe(error, []),
  );
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', `${problems.join('; ')}.`);
  return deepFreeze(config);
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = errnoOf(error) ?? toError(error).message;
    throw new ConfigError('CONFIG_FILE_UNREADABLE', `Cannot read config file ${file}: ${reason}.`, {
      cause: error,
    });
  }
}

interface FileSection {
  readonly section: Section;
  readonly raw: unknown;
  readonly file: string;
  readonly path: readonly string[];
}

function applyFile(settings: Settings, { section, raw, file, path }: FileSection): void {
  if (raw === null || raw === undefined) return; // An empty file or section keeps its defaults.
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    const name = path.length === 0 ? `Config file ${file}` : `Section ${path.join('.')} in ${file}`;
    throw new ConfigError('CONFIG_INVALID', `${name} must be a mapping of keys.`);
  }
  for (const [key, value] of Object.entries(raw)) {
    const keyPath = [...path, key];
    const child = section.sections.get(key);
    const kind = section.leaves.get(key);
    if (child !== undefined) {
      const target = (settings[key] ??= new child.make()) as Settings;
      applyFile(target, { section: child, raw: value, file, path: keyPath });
    } else if (kind === undefined) {
      throw unknownKey(keyPath.join('.'), {
        where: ` in ${file}`,
        known: [...section.leaves.keys(), ...section.sections.keys()].map((name) =>
          [...path, name].join('.'),
        ),
      });
    } else if (value !== null) {
      settings[key] = kind === 'secret' ? new Secret(String(value)) : value;
    }
  }
}

function applyEnv(settings: Settings, section: Section, options: LoadConfigOptions): void {
  const { env, envPrefix } = options;
  const leaves = new Map(leavesOf(section).map((leaf) => [envNameOf(envPrefix, leaf.path), leaf]));
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.startsWith(`${envPrefix}_`)) continue;
    const leaf = leaves.get(name);
    if (leaf === undefined) {
      throw unknownKey(name, { where: ' in the environment', known: [...leaves.keys()] });
    }
    setAt(settings, section, { leaf, value: parseEnv(value, { kind: leaf.kind, name }) });
  }
}

function setAt(
  settings: Settings,
  section: Section,
  { leaf, value }: { leaf: Leaf; value: unknown },
): void {
  let target = settings;
  let level: Section | undefined = section;
  for (const key of leaf.path.slice(0, -1)) {
    level = level?.sections.get(key);
    if (level !== undefined) target = (target[key] ??= new level.make()) as Settings;
  }
  const last = leaf.path.at(-1);
  if (last !== undefined) target[last] = value;
}

function parseEnv(raw: string, { kind, name }: { kind: LeafKind; name: string }): unknown {
  switch (kind) {
    case 'string':
      return raw;
    case 'secret':
      return new Secret(raw);
    case 'list':
      return raw === '' ? [] : raw.split(',').map((item) => item.trim());
    case 'number':
      if (/^-?\d+(\.\d+)?$/.test(raw)) return Number(raw);
      throw new ConfigError('CONFIG_INVALID', `${name} must be a number, not "${raw}".`);
    case 'boolean':
      if (raw === 'true' || raw === 'false') return raw === 'true';
      throw new ConfigError('CONFIG_INVALID', `${name} must be true or false, not "${raw}".`);
  }
}

function unknownKey(
  key: string,
  { where, known }: { where: string; known: readonly string[] },
): ConfigError {
  const nearest = nearestOf(key, known);
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
  return new ConfigError('CONFIG_UNKNOWN_KEY', `Unknown key ${key}${where}.${hint}`, {
    details: { key, ...(nearest === undefined ? {} : { nearest }) },
  });
}

/** class-validator's messages begin with the property's name or hold it; the reader needs the path. */
function describe(error: ValidationError, parents: readonly string[]): string[] {
  const path = [...parents, error.property];
  const own = Object.values(error.constraints ?? {}).map((message) => {
    const rule = message.startsWith(`${error.property} `)
      ? message.slice(error.property.length + 1)
      : message;
    return `${path.join('.')} ${rule}`;
  });
  return [...own, ...(error.children ?? []).flatMap((child) => describe(child, path))];
}

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value) as unknown[]) {
    if (typeof child === 'object' && child !== null) deepFreeze(child);
  }
  return Object.freeze(value);
}
