/**
 * Hosts that had nothing of what a job asked for, as the ledger keeps them. In a large cluster that is
 * nearly all hosts of nearly all jobs: an order keeps one compressed list of them, in parts, and no
 * row of `targets` each.
 */

import { deflateSync, inflateSync } from 'node:zlib';
import { DataCorruptionError, toError } from '@pondhawk/core';
import { TargetOutcome } from '@pondhawk/jobs';
import type { HostRecord } from './host-record.js';
import type { TargetRecord } from './records.js';

/** Hosts of one part: packing that many holds the event loop for a few milliseconds. */
export const ABSENT_PART_HOSTS_MAX = 500;
/** A part with at least so many is not filled up: packing all of it anew for each report costs more than another part. */
export const ABSENT_PART_CLOSED_HOSTS_MIN = 100;

/** A host in such a list. */
export interface AbsentHost {
  readonly node: string;
  readonly host: HostRecord;
  readonly attempts: number;
  readonly started_at_ms: number;
  readonly ended_at_ms: number | null;
}

/** JSON, deflated, base64. */
export function packList(items: readonly unknown[]): string {
  return deflateSync(JSON.stringify(items)).toString('base64');
}

/** The nodes of a part. @throws DataCorruptionError (`LEDGER_ROW_INVALID`). */
export function unpackNodes(packed: string): string[] {
  return unpack(packed) as string[];
}

/** The hosts of a part. @throws DataCorruptionError (`LEDGER_ROW_INVALID`). */
export function unpackAbsent(packed: string): AbsentHost[] {
  return unpack(packed) as AbsentHost[];
}

/** A listed host as a target. */
export function toAbsentTarget(absent: AbsentHost, clusterId: number): TargetRecord {
  return {
    node: absent.node,
    clusterId,
    host: absent.host,
    outcome: TargetOutcome.Absent,
    code: '',
    message: '',
    deletedBytes: 0,
    attempts: absent.attempts,
    startedAtMs: absent.started_at_ms,
    endedAtMs: absent.ended_at_ms ?? undefined,
    hostCount: undefined,
    task: undefined,
    later: undefined,
    verification: undefined,
  };
}

function unpack(packed: string): unknown[] {
  try {
    return JSON.parse(inflateSync(Buffer.from(packed, 'base64')).toString()) as unknown[];
  } catch (error) {
    throw new DataCorruptionError(
      'LEDGER_ROW_INVALID',
      'A list of absent hosts cannot be unpacked.',
      { cause: toError(error), details: { table: 'absent_hosts' } },
    );
  }
}
