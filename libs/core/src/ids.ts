/** Branded names. Each has one parser; behind the edge the rest of the code takes the brand. */

import { InvalidArgumentError } from './errors.js';

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** A content to distribute: 64 lower-case hex digits. */
export type TaskId = Branded<string, 'TaskId'>;
/** A machine that runs a peer daemon, `<ip>-<hostname>[-seed]`. */
export type HostId = Branded<string, 'HostId'>;
/** One host's participation in one task. */
export type PeerId = Branded<string, 'PeerId'>;
/** One fill's result on one host: 32 lower-case hex digits (16 random bytes), never used twice. */
export type CopyId = Branded<string, 'CopyId'>;
/** One start of a daemon: 32 lower-case hex digits (16 random bytes). */
export type Incarnation = Branded<string, 'Incarnation'>;

/** Longest host or peer id accepted at any interface. */
export const NAME_LENGTH_MAX = 512;

const TASK_ID = /^[0-9a-f]{64}$/;
const HEX_16_BYTES = /^[0-9a-f]{32}$/;
// Printable, and nothing that means something in a path, a header or a terminal.
const NAME = /^[A-Za-z0-9._:@%+~-]+$/;

/** @throws InvalidArgumentError (`INVALID_TASK_ID`) unless `raw` is 64 lower-case hex digits. */
export function parseTaskId(raw: string, field = 'task_id'): TaskId {
  if (!TASK_ID.test(raw)) {
    throw new InvalidArgumentError(
      'INVALID_TASK_ID',
      `${field} must be 64 lower-case hex digits.`,
      {
        details: { field },
      },
    );
  }
  return raw as TaskId;
}

/** Whether `raw` is a task id. */
export function isTaskId(raw: string): raw is TaskId {
  return TASK_ID.test(raw);
}

/** @throws InvalidArgumentError (`INVALID_HOST_ID`) unless `raw` is 1–512 characters of `A-Za-z0-9._:@%+~-`. */
export function parseHostId(raw: string, field = 'host_id'): HostId {
  return parseName(raw, field, 'INVALID_HOST_ID') as HostId;
}

/** @throws InvalidArgumentError (`INVALID_PEER_ID`) unless `raw` is 1–512 characters of `A-Za-z0-9._:@%+~-`. */
export function parsePeerId(raw: string, field = 'peer_id'): PeerId {
  return parseName(raw, field, 'INVALID_PEER_ID') as PeerId;
}

/** @throws InvalidArgumentError (`INVALID_COPY_ID`) unless `raw` is 32 lower-case hex digits. */
export function parseCopyId(raw: string, field = 'copy_id'): CopyId {
  return parseHex(raw, field, 'INVALID_COPY_ID') as CopyId;
}

/** @throws InvalidArgumentError (`INVALID_INCARNATION`) unless `raw` is 32 lower-case hex digits. */
export function parseIncarnation(raw: string, field = 'incarnation'): Incarnation {
  return parseHex(raw, field, 'INVALID_INCARNATION') as Incarnation;
}

function parseName(raw: string, field: string, code: string): string {
  if (raw.length === 0 || raw.length > NAME_LENGTH_MAX || !NAME.test(raw)) {
    throw new InvalidArgumentError(
      code,
      `${field} must be 1 to ${NAME_LENGTH_MAX} characters of A-Z, a-z, 0-9 and ._:@%+~-.`,
      { details: { field } },
    );
  }
  return raw;
}

function parseHex(raw: string, field: string, code: string): string {
  if (!HEX_16_BYTES.test(raw)) {
    throw new InvalidArgumentError(code, `${field} must be 32 lower-case hex digits.`, {
      details: { field },
    });
  }
  return raw;
}
