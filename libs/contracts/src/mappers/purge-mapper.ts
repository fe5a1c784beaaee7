/** Between the messages of the purge log and its values. */

import { InvalidArgumentError, parseTaskId, type TaskId } from '@pondhawk/core';
import type {
  LogState as LogStateMessage,
  PurgeEntry as EntryMessage,
  Waiver as WaiverMessage,
} from '../gen/pondhawk/v1/purge.js';

/** Most entries of one message. */
export const ENTRIES_PER_MESSAGE_MAX = 500;

interface LogStateValue {
  readonly epoch: string;
  readonly first: number;
  readonly head: number;
  readonly headHash: string;
}

interface WaiverValue {
  readonly number: number;
  readonly isGiven: boolean;
}

interface EntryValue {
  readonly seq: number;
  readonly taskId: TaskId;
  readonly chainHash: string;
}

const EPOCH_BYTES = 16;
const CHAIN_HASH = /^[0-9a-f]{64}$/;

/** 16 bytes of an epoch or incarnation. @throws InvalidArgumentError (`INVALID_EPOCH`). @returns 32 hex digits. */
export function toHex16(bytes: Uint8Array, field: string): string {
  if (bytes.length === EPOCH_BYTES) return Buffer.from(bytes).toString('hex');
  throw new InvalidArgumentError('INVALID_EPOCH', `${field} must have 16 bytes.`, {
    details: { field },
  });
}

/** @throws InvalidArgumentError (`INVALID_EPOCH`) if the state is missing or its epoch none. */
export function toLogState(message: LogStateMessage | undefined): LogStateValue {
  return {
    epoch: toHex16(message?.logEpoch ?? Buffer.alloc(0), 'log.log_epoch'),
    first: Number(message?.first ?? 0n),
    head: Number(message?.head ?? 0n),
    headHash: message?.headHash ?? '',
  };
}

/** The state as a message. */
export function fromLogState(state: LogStateValue): LogStateMessage {
  return {
    logEpoch: Buffer.from(state.epoch, 'hex'),
    first: BigInt(state.first),
    head: BigInt(state.head),
    headHash: state.headHash,
  };
}

/** Whether hosts may serve without a lease; absent: the cluster never had a waiver. */
export function toWaiver(message: WaiverMessage | undefined): WaiverValue {
  return { number: Number(message?.number ?? 0n), isGiven: message?.isGiven === true };
}

/** The waiver as a message. */
export function fromWaiver({ number, isGiven }: WaiverValue): WaiverMessage | undefined {
  return number === 0 ? undefined : { number: BigInt(number), isGiven };
}

/** @throws InvalidArgumentError (`INVALID_TASK_ID`, `INVALID_CHAIN_HASH`). */
export function toPurgeEntry(message: EntryMessage): EntryValue {
  if (!CHAIN_HASH.test(message.chainHash)) {
    throw new InvalidArgumentError('INVALID_CHAIN_HASH', 'chain_hash must be 64 hex digits.', {
      details: { field: 'chain_hash' },
    });
  }
  return {
    seq: Number(message.seq),
    taskId: parseTaskId(message.taskId),
    chainHash: message.chainHash,
  };
}

/** The entry as a message. */
export function fromPurgeEntry(entry: EntryValue): EntryMessage {
  return { seq: BigInt(entry.seq), taskId: entry.taskId, chainHash: entry.chainHash };
}
