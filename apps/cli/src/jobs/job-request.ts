/** The body of `POST /jobs` from options. */

import { isTaskId, formatDuration } from '@pondhawk/core';
import type { ApiRecord } from '../manager/manager-client.js';

/** Options that name a task besides its URL or id. */
export interface TaskNameOptions {
  readonly tag?: string;
  readonly application?: string;
  readonly pieceLength?: number;
  readonly filteredQueryParam?: readonly string[];
  readonly cluster?: readonly number[];
  readonly timeout?: number;
}

/** The body of one job. */
export type JobBody = ApiRecord<'CreateJobBody'>;

/** A job over a task named by id or URL. */
export function taskJobBody(
  type: JobBody['type'],
  name: string,
  options: TaskNameOptions,
): JobBody {
  const named = isTaskId(name) ? { task_id: name } : { url: name, ...taskNameArgs(options) };
  return jobBody(type, named, options);
}

/** What names tasks besides their URLs. */
export function taskNameArgs(options: TaskNameOptions): object {
  return {
    ...given('tag', options.tag),
    ...given('application', options.application),
    ...given('piece_length', options.pieceLength),
    ...given('filtered_query_params', options.filteredQueryParam?.join('&')),
  };
}

/** A job with any args; those that are undefined are left out by JSON. */
export function jobBody(type: JobBody['type'], args: object, options: TaskNameOptions): JobBody {
  const timeout = options.timeout === undefined ? undefined : formatDuration(options.timeout);
  return {
    type,
    args: { ...args, ...given('timeout', timeout) },
    ...given('scheduler_cluster_ids', options.cluster),
  };
}

function given(name: string, value: unknown): object {
  return value === undefined ? {} : { [name]: value };
}
