import { DURATION_MS_MAX, DURATION_MS_MIN, parseDurationMs } from './duration.js';
import { InvalidArgumentError } from './errors.js';

/** What happens to the targets not yet started when one fails: go on, or skip them. */
export const FailureStrategy = { Continue: 'CONTINUE', Stop: 'STOP' } as const;
/** One of the strategies. */
export type FailureStrategy = (typeof FailureStrategy)[keyof typeof FailureStrategy];

/** How an operation on many targets is carried out. */
export interface OperationSpec {
  /** From acceptance to the moment nothing more is waited for. */
  readonly timeoutMs: number;
  /** Calls to hosts that may be open at once. */
  readonly parallelism: number;
  readonly failureStrategy: FailureStrategy;
}

/** What a parser of operation specs lets pass and fills in. */
export interface OperationSpecRules {
  readonly timeoutMs: { readonly min: number; readonly max: number; readonly default: number };
  readonly parallelism: { readonly min: number; readonly max: number; readonly default: number };
  readonly failureStrategy: { readonly default: FailureStrategy };
}

/** The rules of jobs: one hour, 128 calls, go on after a failure. */
export const OPERATION_SPEC_RULES: OperationSpecRules = {
  timeoutMs: { min: DURATION_MS_MIN, max: DURATION_MS_MAX, default: 60 * 60 * 1000 },
  parallelism: { min: 1, max: 1000, default: 128 },
  failureStrategy: { default: FailureStrategy.Continue },
};

/** The fields as a caller sent them; what is absent gets its default. */
export interface RawOperationSpec {
  readonly timeout?: unknown;
  readonly parallelism?: unknown;
  readonly failure_strategy?: unknown;
}

/**
 * Parses an operation spec.
 *
 * @param prefix put before field names in messages, like `args.`.
 * @throws InvalidArgumentError (`INVALID_DURATION`, `INVALID_PARALLELISM`, `INVALID_FAILURE_STRATEGY`),
 *   naming the field.
 */
export function parseOperationSpec(
  raw: RawOperationSpec,
  rules: OperationSpecRules = OPERATION_SPEC_RULES,
  prefix = '',
): OperationSpec {
  const { timeoutMs: timeout } = rules;
  return {
    timeoutMs:
      raw.timeout === undefined
        ? timeout.default
        : parseDurationMs(raw.timeout, `${prefix}timeout`, {
            minMs: timeout.min,
            maxMs: timeout.max,
          }),
    parallelism: parseParallelism(raw.parallelism, rules, `${prefix}parallelism`),
    failureStrategy: parseStrategy(raw.failure_strategy, rules, `${prefix}failure_strategy`),
  };
}

function parseParallelism(raw: unknown, rules: OperationSpecRules, field: string): number {
  const { min, max, default: fallback } = rules.parallelism;
  if (raw === undefined) return fallback;
  if (typeof raw !== 'number' || !Number.isInteger(raw) || raw < min || raw > max) {
    throw new InvalidArgumentError(
      'INVALID_PARALLELISM',
      `${field} must be a whole number from ${min} to ${max}.`,
      { details: { field } },
    );
  }
  return raw;
}

function parseStrategy(raw: unknown, rules: OperationSpecRules, field: string): FailureStrategy {
  if (raw === undefined) return rules.failureStrategy.default;
  if (raw !== FailureStrategy.Continue && raw !== FailureStrategy.Stop) {
    throw new InvalidArgumentError(
      'INVALID_FAILURE_STRATEGY',
      `${field} must be CONTINUE or STOP.`,
      { details: { field } },
    );
  }
  return raw;
}
