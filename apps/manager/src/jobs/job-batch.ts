/** Many jobs in one request, each accepted or refused by itself. */

import { toError } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { Request } from 'express';
import { auditPart } from '../identity/audit-recorder.js';
import { toErrorAnswer, type ErrorBody } from '../rest-edge/error-answer.js';
import { FieldReader, invalidField } from '../rest-edge/field-reader.js';
import { parseCreateJob, selectorOf, type CreateJobRequest } from './create-job-request.js';
import { lineKey } from './idempotency-key.js';
import type { JobAcceptance } from './job-acceptance.js';

/** Most jobs of one request. */
export const BATCH_LINES_MAX = 1_000;
/** Lines given to the ledger at once: as many as it commits together. */
export const BATCH_LINES_IN_FLIGHT_MAX = 128;

/** What became of one line, by its place in the request. */
export type BatchLineAnswer =
  | {
      readonly index: number;
      readonly status: 200;
      readonly id: number;
      readonly args: CreateJobRequest['args'];
      /** Accepted before, under the same key. */
      readonly replayed: boolean;
    }
  | RefusedLine;

/** A line of which no job came. */
interface RefusedLine {
  readonly index: number;
  readonly status: number;
  readonly error: ErrorBody;
}

/** A line that was read. */
type Line = { readonly index: number; readonly job: CreateJobRequest } | RefusedLine;

/** Who sends a batch, and under which `Idempotency-Key`. */
export interface BatchSender {
  readonly request: Request;
  readonly userId: number;
  readonly key: string | undefined;
}

/** The lines of a batch, unread. @throws InvalidArgumentError (`INVALID_FIELD`). */
export function parseBatch(raw: unknown): {
  readonly lines: readonly unknown[];
  readonly strippedFields: readonly string[];
} {
  const body = new FieldReader(raw, 'body');
  const lines = body.raw('jobs');
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > BATCH_LINES_MAX) {
    throw invalidField('jobs', `must be a list of 1 to ${BATCH_LINES_MAX} jobs`);
  }
  return { lines, strippedFields: body.unknownFields() };
}

/** Accepts batches. What is accepted of one stays so whatever becomes of the rest. */
export class JobBatch {
  constructor(
    private readonly acceptance: JobAcceptance,
    private readonly log: Log,
  ) {}

  /**
   * @returns an answer a line, in their order, and the fields that mean nothing.
   * @throws ResourceExhaustedError (`JOB_RATE_LIMITED`): a batch counts as one job in each cluster it names.
   */
  async accept(
    rawLines: readonly unknown[],
    sender: BatchSender,
  ): Promise<{
    readonly answers: readonly BatchLineAnswer[];
    readonly strippedFields: readonly string[];
  }> {
    const lines = rawLines.map((raw, index) => this.read(raw, index));
    const jobs = lines.flatMap((line) => ('job' in line ? [line.job] : []));
    if (jobs.length > 0) await this.acceptance.requireRoom(clustersOf(jobs));
    const answers: BatchLineAnswer[] = [];
    for (let start = 0; start < lines.length; start += BATCH_LINES_IN_FLIGHT_MAX) {
      const part = lines.slice(start, start + BATCH_LINES_IN_FLIGHT_MAX);
      answers.push(...(await Promise.all(part.map((line) => this.answer(line, sender)))));
    }
    const strippedFields = lines.flatMap((line) =>
      'job' in line ? line.job.strippedFields.map((field) => `jobs[${line.index}].${field}`) : [],
    );
    return { answers, strippedFields };
  }

  private read(raw: unknown, index: number): Line {
    try {
      return { index, job: parseCreateJob(raw) };
    } catch (thrown) {
      return this.refused(index, thrown);
    }
  }

  private async answer(
    line: Line,
    { request, userId, key }: BatchSender,
  ): Promise<BatchLineAnswer> {
    if (!('job' in line)) return line;
    const { index } = line;
    try {
      const owner = await this.acceptance.requireOwner(line.job.userId, userId);
      const job = { ...line.job, userId: owner };
      const idempotency = lineKey(key, { request: job, index, userId });
      const { jobId, isRepeated } = await auditPart(request, selectorOf(job), () =>
        this.acceptance.order(job, idempotency),
      );
      return { index, status: 200, id: jobId, args: job.args, replayed: isRepeated };
    } catch (thrown) {
      return this.refused(index, thrown);
    }
  }

  private refused(index: number, thrown: unknown): RefusedLine {
    const { status, body, isUnexpected } = toErrorAnswer(thrown);
    if (isUnexpected) this.log.error('a line of a batch failed', { err: toError(thrown), index });
    return { index, status, error: body };
  }
}

/** Undefined: all of them. */
function clustersOf(jobs: readonly CreateJobRequest[]): readonly number[] | undefined {
  const named = jobs.map(({ clusterIds }) => clusterIds);
  return named.includes(undefined) ? undefined : [...new Set(named.flatMap((ids) => ids ?? []))];
}
