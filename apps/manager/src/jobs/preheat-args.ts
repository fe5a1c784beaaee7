/** The args of a `preheat`, as Dragonfly's manager reads them. */

import { PREHEAT_SCOPES, PreheatScope, type PreheatRule } from '@pondhawk/jobs';
import {
  HIDDEN,
  URL_LENGTH_MAX,
  hideUrlSecrets,
  parseDownloadUrl,
  taskIdOfUrl,
} from '@pondhawk/pieces';
import { DEFAULT_PLATFORM, parsePlatform } from '../images/image-platform.js';
import { parseImageUrl } from '../images/image-url.js';
import { type FieldReader, invalidField } from '../rest-edge/field-reader.js';
import type { PreheatPlan } from './preheat-plan.js';
import { NAME_PART_LENGTH_MAX, PIECE_LENGTH_BOUNDS } from './task-name.js';

/** Most files of one preheat. */
export const PREHEAT_URLS_MAX = 200;
/** Longest tag and application, in characters: as much as peers take. */
export const PREHEAT_LABEL_LENGTH_MAX = 1_024;
/** Most names of query keys that do not count. */
export const FILTERED_PARAMS_MAX = 256;
/** Most headers for the origin, and the most characters of one with its name: as much as peers take. */
export const PREHEAT_HEADERS_MAX = 64;
export const PREHEAT_HEADER_LENGTH_MAX = 8_192;
/** Bounds of the fields that say how many. */
export const PREHEAT_BOUNDS = {
  ips: 100,
  count: { min: 1, max: 200 },
  percentage: { min: 1, max: 100 },
  concurrentTaskCount: { min: 1, max: 100, default: 8 },
} as const;

/** A preheat as a caller orders it. */
export interface PreheatRequest {
  /** May hold secrets: to be sealed, never shown. Of an image it has no tasks yet. */
  readonly plan: PreheatPlan;
  readonly rule: PreheatRule;
}

const IP_LENGTH_MAX = 64;
const TYPE_LENGTH_MAX = 64;
const PLATFORM_LENGTH_MAX = 128;
const CREDENTIAL_LENGTH_MAX = 1_024;
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws InvalidArgumentError (`INVALID_FIELD`, `INVALID_URL`), naming the field. */
export function readPreheatArgs(args: FieldReader): {
  readonly args: Readonly<Record<string, unknown>>;
  readonly preheat: PreheatRequest;
} {
  const type = args.text('type', { lengthMax: TYPE_LENGTH_MAX });
  if (type !== 'file' && type !== 'image') {
    throw invalidField(args.path('type'), 'must be file or image');
  }
  const labels = readLabels(args);
  const headers = readHeaders(args);
  const contents = type === 'file' ? readFiles(args, labels) : readImage(args);
  const rule = readRule(args);
  const concurrency = PREHEAT_BOUNDS.concurrentTaskCount;
  const concurrentTaskCount =
    args.wholeNumber('concurrent_task_count', concurrency) ?? concurrency.default;
  const { tag, application, filteredText, pieceLength } = labels;
  return {
    args: withoutAbsent({
      type,
      ...contents.shown,
      ...{ tag, application, filtered_query_params: filteredText, piece_length: pieceLength },
      headers: Object.fromEntries(Object.keys(headers).map((name) => [name, HIDDEN])),
      ...{ scope: rule.scope, ips: rule.ips, count: rule.count, percentage: rule.percentage },
      concurrent_task_count: concurrentTaskCount,
    }),
    preheat: {
      plan: {
        ...contents.planned,
        headers,
        tag: tag ?? '',
        application: application ?? '',
        filteredQueryParams: labels.filtered ?? [],
        pieceLength,
        isSingleSeed: rule.scope === PreheatScope.SingleSeedPeer,
        concurrentTaskCount,
      },
      rule,
    },
  };
}

interface Labels {
  readonly tag: string | undefined;
  readonly application: string | undefined;
  readonly filteredText: string | undefined;
  readonly filtered: readonly string[] | undefined;
  readonly pieceLength: number | undefined;
}

function readLabels(args: FieldReader): Labels {
  const filteredText = args.text('filtered_query_params', { lengthMax: NAME_PART_LENGTH_MAX });
  const filtered =
    filteredText === undefined || filteredText === '' ? undefined : filteredText.split('&');
  if (filtered !== undefined && filtered.length > FILTERED_PARAMS_MAX) {
    throw invalidField(
      args.path('filtered_query_params'),
      `may name at most ${FILTERED_PARAMS_MAX} keys`,
    );
  }
  return {
    tag: args.text('tag', { lengthMax: PREHEAT_LABEL_LENGTH_MAX }),
    application: args.text('application', { lengthMax: PREHEAT_LABEL_LENGTH_MAX }),
    filteredText,
    filtered,
    pieceLength: args.wholeNumber('piece_length', PIECE_LENGTH_BOUNDS),
  };
}

/** What of the args names the contents: planned, and as it may be shown. */
interface Contents {
  readonly planned: Pick<PreheatPlan, 'tasks' | 'image'>;
  readonly shown: object;
}

function readFiles(args: FieldReader, labels: Labels): Contents {
  const tasks = readTasks(args, labels);
  const shown = tasks.map(({ url }) => hideUrlSecrets(url, labels.filtered));
  const [only, ...others] = shown;
  return {
    planned: { tasks },
    shown: { ...(others.length === 0 ? { url: only } : {}), urls: shown },
  };
}

/** @throws InvalidArgumentError (`INVALID_FIELD`, `INVALID_IMAGE_URL`, `INVALID_PLATFORM`), naming the field. */
function readImage(args: FieldReader): Contents {
  const url = args.text('url', { lengthMax: URL_LENGTH_MAX }) ?? '';
  if (url === '') throw invalidField(args.path('url'), 'is required: the address of a manifest');
  if (args.raw('urls') !== undefined) {
    throw invalidField(args.path('urls'), 'is for files: an image has one url');
  }
  parseImageUrl(url);
  const platform = args.text('platform', { lengthMax: PLATFORM_LENGTH_MAX }) || undefined;
  if (platform !== undefined) parsePlatform(platform);
  const username = args.text('username', { lengthMax: CREDENTIAL_LENGTH_MAX });
  const password = args.text('password', { lengthMax: CREDENTIAL_LENGTH_MAX });
  return {
    planned: { tasks: [], image: withoutAbsent({ url, platform, username, password }) as never },
    shown: {
      ...{ url: hideUrlSecrets(url), platform: platform ?? DEFAULT_PLATFORM, username },
      ...(password === undefined ? {} : { password: HIDDEN }),
    },
  };
}

/** Each task once, in the order of the URLs: `urls`, then `url`. */
function readTasks(args: FieldReader, labels: Labels): PreheatPlan['tasks'] {
  const url = args.text('url', { lengthMax: URL_LENGTH_MAX });
  const bounds = { countMax: PREHEAT_URLS_MAX, lengthMax: URL_LENGTH_MAX };
  const named = (args.texts('urls', bounds) ?? []).map((text, index) => ({
    text,
    path: `${args.path('urls')}[${index}]`,
  }));
  if (url !== undefined && url !== '') named.push({ text: url, path: args.path('url') });
  if (named.length === 0) throw invalidField(args.path('urls'), 'or url is required');
  const tasks = new Map<string, PreheatPlan['tasks'][number]>();
  for (const { text, path } of named) {
    parseDownloadUrl(text, path);
    const taskId = taskIdOfUrl({
      url: text,
      tag: labels.tag,
      application: labels.application,
      pieceLengthBytes: labels.pieceLength,
      filteredQueryParams: labels.filtered,
    });
    if (!tasks.has(taskId)) tasks.set(taskId, { taskId, url: text });
  }
  if (tasks.size > PREHEAT_URLS_MAX) {
    throw invalidField(args.path('urls'), `and url may have at most ${PREHEAT_URLS_MAX} entries`);
  }
  return [...tasks.values()];
}

function readHeaders(args: FieldReader): Readonly<Record<string, string>> {
  const raw = args.raw('headers') ?? {};
  const field = args.path('headers');
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    throw invalidField(field, 'must be a JSON object');
  }
  const entries = Object.entries(raw);
  if (entries.length > PREHEAT_HEADERS_MAX) {
    throw invalidField(field, `may have at most ${PREHEAT_HEADERS_MAX} entries`);
  }
  return Object.fromEntries(entries.map((entry) => readHeader(field, entry)));
}

/** The value is in no message: it may be secret. */
function readHeader(field: string, [name, value]: readonly [string, unknown]): [string, string] {
  if (!HEADER_NAME.test(name) || name === '__proto__') {
    throw invalidField(field, 'has a name that no header may have');
  }
  if (typeof value !== 'string' || !HEADER_VALUE.test(value)) {
    throw invalidField(`${field}.${name}`, 'must be a text that a header may have');
  }
  if (name.length + value.length > PREHEAT_HEADER_LENGTH_MAX) {
    const most = `may have at most ${PREHEAT_HEADER_LENGTH_MAX} characters with its name`;
    throw invalidField(`${field}.${name}`, most);
  }
  return [name, value];
}

function readRule(args: FieldReader): PreheatRule {
  const scope = args.text('scope', { lengthMax: TYPE_LENGTH_MAX }) ?? PreheatScope.SingleSeedPeer;
  if (!PREHEAT_SCOPES.some((known) => known === scope)) {
    throw invalidField(args.path('scope'), `must be one of ${PREHEAT_SCOPES.join(', ')}`);
  }
  const ips = args.texts('ips', { countMax: PREHEAT_BOUNDS.ips, lengthMax: IP_LENGTH_MAX });
  if (ips?.length === 0) {
    throw invalidField(args.path('ips'), `must have 1 to ${PREHEAT_BOUNDS.ips} entries`);
  }
  const count = args.wholeNumber('count', PREHEAT_BOUNDS.count);
  const percentage = args.wholeNumber('percentage', PREHEAT_BOUNDS.percentage);
  const isChosen = ips !== undefined || count !== undefined || percentage !== undefined;
  if (isChosen && scope === PreheatScope.SingleSeedPeer) {
    throw invalidField(
      args.path('scope'),
      'must be all_seed_peers or all_peers with ips, count or percentage',
    );
  }
  return {
    scope: scope as PreheatScope,
    ...(ips === undefined ? {} : { ips }),
    ...(count === undefined ? {} : { count }),
    ...(percentage === undefined ? {} : { percentage }),
  };
}

function withoutAbsent(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
