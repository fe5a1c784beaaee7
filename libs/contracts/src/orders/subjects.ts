/** Names of streams, durables and subjects of the message broker. `epoch` is what GetBroker gives. */

import { InvalidArgumentError } from '@pondhawk/core';
import { ORDER_TYPES, type JobMessageType, type OrderType } from './order-type.js';

// Goes into subjects and stream names: no dots, spaces or wildcards.
const EPOCH = /^[A-Za-z0-9_-]{1,64}$/;
const PREFIX = 'pondhawk.v1';

/** Stream that carries orders from the manager to schedulers. */
export function jobsStream(epoch: string): string {
  return `PONDHAWK_JOBS_${checkedEpoch(epoch)}`;
}

/** Stream that carries reports from schedulers to the manager. */
export function reportsStream(epoch: string): string {
  return `PONDHAWK_REPORTS_${checkedEpoch(epoch)}`;
}

/** All subjects of the jobs stream. */
export function jobsStreamSubject(epoch: string): string {
  return `${PREFIX}.${checkedEpoch(epoch)}.jobs.>`;
}

/** All subjects of the reports stream; also what the manager's durable filters. */
export function reportsStreamSubject(epoch: string): string {
  return `${PREFIX}.${checkedEpoch(epoch)}.reports.>`;
}

/** The manager's durable consumer of reports. */
export const MANAGER_DURABLE = 'manager';

/** A scheduler's durable consumer of orders. */
export function schedulerDurable(schedulerId: number): string {
  return `s${checkedId(schedulerId, 'schedulerId')}`;
}

/** Where one order, or the end of one, is published. */
export function jobSubject(of: {
  readonly epoch: string;
  readonly clusterId: number;
  readonly schedulerId: number;
  readonly type: JobMessageType;
}): string {
  return `${schedulerPrefix(of)}.${of.type}`;
}

/** The one filter of a scheduler's durable: its orders of any type. */
export function schedulerJobsFilter(of: {
  readonly epoch: string;
  readonly clusterId: number;
  readonly schedulerId: number;
}): string {
  return `${schedulerPrefix(of)}.>`;
}

/** Where a cluster's schedulers publish their reports. */
export function reportSubject(of: { readonly epoch: string; readonly clusterId: number }): string {
  return `${PREFIX}.${checkedEpoch(of.epoch)}.reports.${checkedId(of.clusterId, 'clusterId')}`;
}

/** What a job subject says, or `undefined` for any other subject. The type may be one of a newer manager. */
export function parseJobSubject(
  subject: string,
): { epoch: string; clusterId: number; schedulerId: number; type: string } | undefined {
  const match =
    /^pondhawk\.v1\.([A-Za-z0-9_-]{1,64})\.jobs\.(\d{1,15})\.(\d{1,15})\.([a-z0-9_]{1,64})$/.exec(
      subject,
    );
  if (match === null) return undefined;
  const [, epoch = '', clusterId, schedulerId, type = ''] = match;
  return { epoch, clusterId: Number(clusterId), schedulerId: Number(schedulerId), type };
}

/** Whether this version knows how to carry out orders of `type`. */
export function isOrderType(type: string): type is OrderType {
  return (ORDER_TYPES as readonly string[]).includes(type);
}

function schedulerPrefix(of: { epoch: string; clusterId: number; schedulerId: number }): string {
  const cluster = checkedId(of.clusterId, 'clusterId');
  const scheduler = checkedId(of.schedulerId, 'schedulerId');
  return `${PREFIX}.${checkedEpoch(of.epoch)}.jobs.${cluster}.${scheduler}`;
}

function checkedEpoch(epoch: string): string {
  if (EPOCH.test(epoch)) return epoch;
  throw new InvalidArgumentError(
    'INVALID_BROKER_EPOCH',
    'The broker epoch must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -.',
    { details: { field: 'epoch' } },
  );
}

function checkedId(id: number, field: string): number {
  if (Number.isSafeInteger(id) && id >= 0) return id;
  throw new InvalidArgumentError('INVALID_LEDGER_ID', `${field} must be a whole number from 0.`, {
    details: { field },
  });
}
