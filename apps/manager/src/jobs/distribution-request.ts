/** The body of `POST /jobs` with type `get_image_distribution`: a question that is answered at once. */

import { JobType } from '@pondhawk/jobs';
import { URL_LENGTH_MAX, hideUrlSecrets } from '@pondhawk/pieces';
import { FieldReader, invalidField } from '../rest-edge/field-reader.js';
import { type CreateJobRequest, parseCreateJob } from './create-job-request.js';
import { NAME_PART_LENGTH_MAX, PIECE_LENGTH_BOUNDS } from './task-name.js';

/** The type as Dragonfly's clients send it. */
export const IMAGE_DISTRIBUTION = 'get_image_distribution';
/** Copies that one answer is made of: ten blobs on a thousand hosts. */
export const DISTRIBUTION_ENTRIES_MAX = 10_000;

const HEADERS_MAX = 100;
const HEADER_LENGTH_MAX = 8_192;
const CREDENTIAL_LENGTH_MAX = 1_024;
const PLATFORM_LENGTH_MAX = 128;

/** Which image, by which names its blobs are tasks, and which hosts are asked. */
export interface DistributionRequest {
  /** Hosts are asked by one `list_tasks`, whose `orderArgs` lack the tasks yet. */
  readonly job: CreateJobRequest;
  readonly image: {
    readonly url: string;
    readonly platform: string | undefined;
    readonly username: string | undefined;
    readonly password: string | undefined;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** What makes the names of tasks besides the URL. */
  readonly naming: {
    readonly tag: string | undefined;
    readonly application: string | undefined;
    readonly pieceLengthBytes: number | undefined;
    readonly filteredQueryParams: readonly string[] | undefined;
  };
}

/** Whether a body asks this question. */
export function isDistributionRequest(raw: unknown): boolean {
  return (raw as { type?: unknown } | null)?.type === IMAGE_DISTRIBUTION;
}

/** @throws InvalidArgumentError naming the field, for any value that breaks a rule. */
export function parseDistribution(raw: unknown): DistributionRequest {
  const body = new FieldReader(raw, 'body');
  const args = body.object('args');
  const text = (field: string, lengthMax: number): string | undefined =>
    args.text(field, { lengthMax });
  const url = text('url', URL_LENGTH_MAX) ?? '';
  if (url === '') throw invalidField('args.url', 'is required');
  const platform = text('platform', PLATFORM_LENGTH_MAX);
  const filtered = text('filtered_query_params', NAME_PART_LENGTH_MAX);
  return {
    job: questionOf(body, args, { url: hideUrlSecrets(url), platform }),
    image: {
      url,
      platform,
      username: text('username', CREDENTIAL_LENGTH_MAX),
      password: text('password', CREDENTIAL_LENGTH_MAX),
      headers: readHeaders(args),
    },
    naming: {
      tag: text('tag', NAME_PART_LENGTH_MAX),
      application: text('application', NAME_PART_LENGTH_MAX),
      pieceLengthBytes: args.wholeNumber('piece_length', PIECE_LENGTH_BOUNDS),
      filteredQueryParams: filtered ? filtered.split('&') : undefined,
    },
  };
}

/** The job that asks: its args tell what for, and nothing secret. */
function questionOf(
  body: FieldReader,
  args: FieldReader,
  image: { readonly url: string; readonly platform: string | undefined },
): CreateJobRequest {
  const job = parseCreateJob({
    type: JobType.ListTasks,
    bio: body.raw('bio'),
    user_id: body.raw('user_id'),
    scheduler_cluster_ids: body.raw('scheduler_cluster_ids'),
    args: {
      page: 1,
      per_page: DISTRIBUTION_ENTRIES_MAX,
      timeout: args.raw('timeout'),
      parallelism: args.raw('parallelism') ?? args.raw('concurrent_peer_count'),
      failure_strategy: args.raw('failure_strategy'),
    },
  });
  return { ...job, args: { ...job.args, image_url: image.url, platform: image.platform } };
}

function readHeaders(args: FieldReader): Record<string, string> {
  const raw = args.raw('headers') ?? {};
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    throw invalidField('args.headers', 'must be a JSON object');
  }
  const entries: [string, unknown][] = Object.entries(raw);
  if (entries.length > HEADERS_MAX) {
    throw invalidField('args.headers', `may have at most ${HEADERS_MAX} entries`);
  }
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (typeof value === 'string' && value.length <= HEADER_LENGTH_MAX) return [name, value];
      throw invalidField(
        'args.headers',
        `must hold texts of at most ${HEADER_LENGTH_MAX} characters`,
      );
    }),
  );
}
