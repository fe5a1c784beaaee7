/** The settings of clusters as requests carry them: what is allowed, and what stands when nothing is said. */

import { type FieldReader, invalidField, type NumberBounds } from '../rest-edge/field-reader.js';
import type { ClusterSettings } from '../ledger/index.js';

/** A whole number in settings, with what stands if it was never given. */
export type SettingBounds = NumberBounds & { readonly fallback: number };

/** Jobs a second that a cluster takes. */
export const JOB_RATE_LIMIT: SettingBounds = { min: 1, max: 1_000_000, fallback: 10 };
/** Of schedulers. */
export const SCHEDULER_SETTINGS: Readonly<Record<string, SettingBounds>> = {
  candidate_parent_limit: { min: 1, max: 20, fallback: 4 },
  filter_parent_limit: { min: 10, max: 1_000, fallback: 15 },
  job_rate_limit: JOB_RATE_LIMIT,
};
/** Of schedulers, off until they are given; not of every console's making, so shown only then. */
export const SCHEDULER_FLAGS: readonly string[] = ['allow_foreign_parents', 'serve_without_lease'];
/** Of hosts. */
export const PEER_LOAD_LIMIT: SettingBounds = { min: 1, max: 2_000, fallback: 200 };
/** Of seeds. */
export const SEED_PEER_LOAD_LIMIT: SettingBounds = { min: 1, max: 50_000, fallback: 2_000 };

/** Entries of one list of a cluster's settings. */
export const SETTING_ENTRIES_MAX = 1_000;
/** Characters of one entry of it. */
export const SETTING_ENTRY_LENGTH_MAX = 1_024;
/** Characters of `scopes.idc` and `scopes.location`. */
export const SCOPE_LENGTH_MAX = 4_096;

const LIST_BOUNDS = { countMax: SETTING_ENTRIES_MAX, lengthMax: SETTING_ENTRY_LENGTH_MAX };
const BLOCKED_KINDS = ['task', 'persistent_task', 'persistent_cache_task'];
const BLOCKED_ACTIONS = ['download', 'upload'];
const BLOCKED_NAMES = ['applications', 'urls', 'tags', 'priorities'];

/** A reader of settings that gathers the names of the fields it did not know. */
export class SettingsReader {
  private readonly readers: FieldReader[];

  constructor(private readonly body: FieldReader) {
    this.readers = [body];
  }

  /** What is not given keeps its `present` value; undefined if the whole field is absent. */
  ofSchedulers(field: string, present: ClusterSettings): ClusterSettings | undefined {
    return this.nested(this.body, field, (reader) =>
      Object.fromEntries<unknown>([
        ...Object.entries(SCHEDULER_SETTINGS).map(([name, { fallback, ...bounds }]) => {
          return [name, reader.wholeNumber(name, bounds) ?? present[name] ?? fallback] as const;
        }),
        ...SCHEDULER_FLAGS.map(
          (name) => [name, reader.flag(name) ?? present[name]] as const,
        ).filter(([, flag]) => flag !== undefined),
      ]),
    );
  }

  /** `load_limit` and `block_list`; a block list that is not given is none. */
  load(
    field: string,
    bounds: SettingBounds,
    present: ClusterSettings,
  ): ClusterSettings | undefined {
    return this.nested(this.body, field, (reader) => {
      const blocked = this.blockList(reader);
      return {
        load_limit:
          reader.wholeNumber('load_limit', bounds) ?? present['load_limit'] ?? bounds.fallback,
        ...(blocked === undefined ? {} : { block_list: blocked }),
      };
    });
  }

  /** Where a cluster's hosts are; `idc` and `location` are texts, '' if nothing is said. */
  scopes(field: string): ClusterSettings | undefined {
    return this.nested(this.body, field, (reader) => ({
      idc: reader.text('idc', { lengthMax: SCOPE_LENGTH_MAX }) ?? '',
      location: reader.text('location', { lengthMax: SCOPE_LENGTH_MAX }) ?? '',
      cidrs: reader.texts('cidrs', LIST_BOUNDS) ?? [],
      hostnames: patterns(reader, 'hostnames'),
    }));
  }

  /** Names that nobody asked for, at any depth. */
  unknownFields(): readonly string[] {
    return this.readers.flatMap((reader) => reader.unknownFields());
  }

  private blockList(parent: FieldReader): ClusterSettings | undefined {
    return this.nested(parent, 'block_list', (list) =>
      this.each(list, BLOCKED_KINDS, (kind) =>
        this.each(kind, BLOCKED_ACTIONS, (action) =>
          Object.fromEntries(
            BLOCKED_NAMES.filter((name) => action.raw(name) !== undefined).map((name) => [
              name,
              name === 'urls' ? patterns(action, name) : action.texts(name, LIST_BOUNDS),
            ]),
          ),
        ),
      ),
    );
  }

  private each(
    parent: FieldReader,
    names: readonly string[],
    read: (reader: FieldReader) => ClusterSettings,
  ): ClusterSettings {
    return Object.fromEntries(
      names.flatMap((name): [string, ClusterSettings][] => {
        const value = this.nested(parent, name, read);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  private nested(
    parent: FieldReader,
    field: string,
    read: (reader: FieldReader) => ClusterSettings,
  ): ClusterSettings | undefined {
    if (parent.raw(field) === undefined) return undefined;
    const reader = parent.object(field);
    this.readers.push(reader);
    return read(reader);
  }
}

/** Texts that are regular expressions. */
function patterns(reader: FieldReader, field: string): readonly string[] {
  const texts = reader.texts(field, LIST_BOUNDS) ?? [];
  texts.forEach((text, index) => {
    try {
      new RegExp(text);
    } catch {
      // The parser's text quotes the expression; the field's name says enough.
      throw invalidField(`${reader.path(field)}[${index}]`, 'must be a regular expression');
    }
  });
  return texts;
}
