/** How the body of a job names its task, as Dragonfly's manager reads it. */

import { InvalidArgumentError, parseTaskId, type TaskId } from '@pondhawk/core';
import {
  URL_LENGTH_MAX,
  hideUrlSecrets,
  parseDownloadUrl,
  taskIdOfContent,
  taskIdOfUrl,
} from '@pondhawk/pieces';
import type { FieldReader } from '../rest-edge/field-reader.js';

/** Sizes that a caller may ask pieces to have, in bytes. */
export const PIECE_LENGTH_BOUNDS = { min: 4_194_304, max: 67_108_864 };
/** Longest tag, application, or list of filtered parameters, in characters. */
export const NAME_PART_LENGTH_MAX = 4_096;
/** Longest content from which an id is calculated, in characters. */
export const CONTENT_LENGTH_MAX = 65_536;

/** A task's id and the fields that named it, to be echoed: without secrets, because they are kept. */
export interface NamedTask {
  readonly taskId: TaskId;
  readonly args: Readonly<Record<string, unknown>>;
}

/**
 * Reads which task is meant: `url` wins, then `content_for_calculating_task_id`, then `task_id`; an
 * empty text counts as absent. All are checked even when another wins.
 *
 * @throws InvalidArgumentError (`TASK_NOT_NAMED`, `INVALID_URL`, `INVALID_TASK_ID`, `INVALID_FIELD`), naming the field.
 */
export function readTaskName(args: FieldReader): NamedTask {
  const url = args.text('url', { lengthMax: URL_LENGTH_MAX });
  const content = args.text('content_for_calculating_task_id', { lengthMax: CONTENT_LENGTH_MAX });
  const taskId = args.text('task_id', { lengthMax: NAME_PART_LENGTH_MAX });
  const parts = {
    tag: args.text('tag', { lengthMax: NAME_PART_LENGTH_MAX }),
    application: args.text('application', { lengthMax: NAME_PART_LENGTH_MAX }),
    filtered_query_params: args.text('filtered_query_params', { lengthMax: NAME_PART_LENGTH_MAX }),
    piece_length: args.wholeNumber('piece_length', PIECE_LENGTH_BOUNDS),
  };
  const hide = (text: string | undefined): string | undefined =>
    text && hideUrlSecrets(text, splitParams(parts.filtered_query_params));
  const echoed = { url: hide(url), content_for_calculating_task_id: hide(content), ...parts };
  return {
    taskId: chooseTaskId(args, { url, content, taskId, parts }),
    args: Object.fromEntries(Object.entries(echoed).filter(([, value]) => value !== undefined)),
  };
}

interface Names {
  readonly url: string | undefined;
  readonly content: string | undefined;
  readonly taskId: string | undefined;
  readonly parts: {
    readonly tag: string | undefined;
    readonly application: string | undefined;
    readonly filtered_query_params: string | undefined;
    readonly piece_length: number | undefined;
  };
}

function chooseTaskId(args: FieldReader, { url, content, taskId, parts }: Names): TaskId {
  const given = isGiven(taskId) ? parseTaskId(taskId, args.path('task_id')) : undefined;
  if (isGiven(url)) {
    parseDownloadUrl(url, args.path('url'));
    return taskIdOfUrl({
      url,
      tag: parts.tag,
      application: parts.application,
      pieceLengthBytes: parts.piece_length,
      filteredQueryParams: splitParams(parts.filtered_query_params),
    });
  }
  if (isGiven(content)) return taskIdOfContent(content);
  if (given !== undefined) return given;
  throw new InvalidArgumentError(
    'TASK_NOT_NAMED',
    `${args.path('task_id')}, ${args.path('content_for_calculating_task_id')} or ${args.path('url')} is required.`,
    { details: { field: args.path('task_id') } },
  );
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function splitParams(joined: string | undefined): readonly string[] | undefined {
  return isGiven(joined) ? joined.split('&') : undefined;
}
