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
  | { readonly index: number; readonly status: number; readonly error: ErrorBody };

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

  /** @returns an answer a line, in their order, and the fields that mean nothing. */
  async accept(
    lines: readonly unknown[],
    sender: BatchSender,
  ): Promise<{
    readonly answers: readonly BatchLineAnswer[];
    readonly strippedFields: readonly string[];
  }> {
    const answers: BatchLineAnswer[] = [];
    const strippedFields: string[] = [];
    for (let start = 0; start < lines.length; start += BATCH_LINES_IN_FLIGHT_MAX) {
      const part = lines.slice(start, start + BATCH_LINES_IN_FLIGHT_MAX);
      const numbered = part.map((line, offset) => ({ line, index: start + offset }));
      answers.push(
        ...(await Promise.all(numbered.map((one) => this.answer(one, sender, strippedFields)))),
      );
    }
    return { answers, strippedFields };
  }

  private async answer(
    { line, index }: { readonly line: unknown; readonly index: number },
    { request, userId, key }: BatchSender,
    strippedFields: string[],
  ): Promise<BatchLineAnswer> {
    try {
      const parsed = parseCreateJob(line);
      strippedFields.push(...parsed.strippedFields.map((field) => `jobs[${index}].${field}`));
      const owner = await this.acceptance.requireOwner(parsed.userId, userId);
      const job = { ...parsed, userId: owner };
      const idempotency = lineKey(key, { request: job, index, userId });
      const { jobId, isRepeated } = await auditPart(request, selectorOf(job), () =>
        this.acceptance.order(job, idempotency),
      );
      return { index, status: 200, id: jobId, args: job.args, replayed: isRepeated };
    } catch (thrown) {
      const { status, body, isUnexpected } = toErrorAnswer(thrown);
      if (isUnexpected) this.log.error('a line of a batch failed', { err: toError(thrown), index });
      return { index, status, error: body };
    }
  }
}
