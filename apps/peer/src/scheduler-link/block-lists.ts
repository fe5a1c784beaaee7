import type { managerV2 } from '@pondhawk/contracts';
import { PermissionDeniedError } from '@pondhawk/core';

/** What lists look at; `priority` is that of a download, 0 to 6. */
export interface Listed {
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly priority?: number;
}

/** Entries of one list that count; the manager takes no longer lists. */
const ENTRIES_MAX = 1_000;

interface BlockList {
  readonly applications: ReadonlySet<string>;
  readonly tags: ReadonlySet<string>;
  /** As numbers or as names of levels. */
  readonly priorities: ReadonlySet<string>;
  readonly urls: readonly RegExp[];
}

const NOTHING: BlockList = {
  ...{ applications: new Set(), tags: new Set(), priorities: new Set() },
  urls: [],
};

/**
 * What the cluster's settings forbid its hosts to download, and to upload to others. Empty until the
 * manager has told any; the last ones told hold while it is away. What is listed later than a
 * download began does not end it, but no further piece of it is served.
 */
export class BlockLists {
  private download = NOTHING;
  private upload = NOTHING;
  private told = '{}';

  /** Takes the `block_list.task` of a host's settings, JSON as the manager keeps it. */
  adopt(settings: Buffer | undefined): void {
    const text = settings?.toString() ?? '{}';
    if (text === this.told) return;
    this.told = text;
    const task = objectOf(objectOf(objectOf(parseJson(text))['block_list'])['task']);
    this.download = parseList(objectOf(task['download']));
    this.upload = parseList(objectOf(task['upload']));
  }

  /** @throws PermissionDeniedError (`DOWNLOAD_BLOCKED`) naming what is listed. */
  requireDownload(asked: Listed): void {
    const reason = reasonOf(this.download, asked);
    if (reason === undefined) return;
    throw new PermissionDeniedError(
      'DOWNLOAD_BLOCKED',
      `${reason} is on the cluster's block list of downloads.`,
      { details: { field: reason } },
    );
  }

  /** Whether other hosts get nothing of it. Priorities are not of copies, and do not count. */
  blocksUpload({ url, tag, application }: Listed): boolean {
    return reasonOf(this.upload, { url, tag, application }) !== undefined;
  }
}

/** The settings that hold for a host of this kind. */
export function settingsOf(
  cluster: managerV2.SchedulerCluster | undefined,
  type: 'normal' | 'super',
): Buffer | undefined {
  return type === 'super' ? cluster?.seedClientConfig : cluster?.clientConfig;
}

function reasonOf(list: BlockList, { url, tag, application, priority }: Listed) {
  if (application !== '' && list.applications.has(application)) return 'application';
  if (tag !== '' && list.tags.has(tag)) return 'tag';
  if (list.urls.some((pattern) => pattern.test(url))) return 'url';
  const level = priority === undefined ? [] : [String(priority), `LEVEL${priority}`];
  return level.some((name) => list.priorities.has(name)) ? 'priority' : undefined;
}

/** What is no text, or no regular expression, blocks nothing: the rows may be another console's. */
function parseList(raw: Readonly<Record<string, unknown>>): BlockList {
  return {
    applications: new Set(textsOf(raw['applications'])),
    tags: new Set(textsOf(raw['tags'])),
    priorities: new Set(textsOf(raw['priorities'])),
    urls: textsOf(raw['urls']).flatMap((text) => {
      try {
        return [new RegExp(text)];
      } catch {
        return []; // The manager refuses such an entry, so nobody relies on it.
      }
    }),
  };
}

/** Numbers count as their texts. */
function textsOf(raw: unknown): string[] {
  const entries: unknown[] = Array.isArray(raw) ? raw.slice(0, ENTRIES_MAX) : [];
  return entries
    .filter((entry) => typeof entry === 'string' || typeof entry === 'number')
    .map(String)
    .filter((entry) => entry !== '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // As if it were missing.
  }
}

function objectOf(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {};
}
