/** What of a job that has ended did not end well. */

import { unpackHosts } from '@pondhawk/contracts';
import { OrderState, TargetOutcome } from '@pondhawk/jobs';
import { unpackNodes } from '../absent-list.js';
import type { CommandContext } from '../command-context.js';
import type { JobRow } from '../tables.js';

/** Outcomes that nothing is to be done about any more. */
const SETTLED: readonly string[] = [
  TargetOutcome.Deleted,
  TargetOutcome.Absent,
  TargetOutcome.Answered,
  TargetOutcome.Fenced,
  TargetOutcome.AlreadyHere,
  TargetOutcome.Preheated,
];

/** One cluster's open part. */
export interface OpenPart {
  /** Hosts by id, each with its record as JSON text. */
  readonly hosts: ReadonlyMap<string, string>;
  /** Targets that ended well. */
  readonly settledCount: number;
  /** Some order was not carried out to its end: there may be hosts that nobody has named. */
  readonly mayHaveMore: boolean;
}

/** Reads the open part of one cluster. Unpacks all hosts of its orders. */
export async function loadOpenPart(
  { db }: CommandContext,
  { id: jobId }: JobRow,
  clusterId: number,
): Promise<OpenPart> {
  const targets = await db
    .selectFrom('targets')
    .select(['node', 'host_id', 'host', 'outcome'])
    .where('job_id', '=', jobId)
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  const lists = await db
    .selectFrom('absent_hosts')
    .select('nodes')
    .where('job_id', '=', jobId)
    .where('scheduler_cluster_id', '=', clusterId)
    .execute();
  const orders = await db
    .selectFrom('orders')
    .select(['hosts', 'state'])
    .where('job_id', '=', jobId)
    .where('scheduler_cluster_id', '=', clusterId)
    .orderBy('id')
    .execute();
  const settled = new Set(lists.flatMap(({ nodes }) => unpackNodes(nodes)));
  const hosts = new Map<string, string>();
  for (const { node, host_id, host, outcome } of targets) {
    if (SETTLED.includes(outcome)) settled.add(node);
    // A daemon whose id another one has by now cannot be asked: the order names it, so that it is waited for.
    else if (node !== `host:${host_id}` || !hosts.has(host_id)) hosts.set(host_id, host);
  }
  for (const host of orders.flatMap((order) => unpackHosts(order.hosts))) {
    const isOpen = !settled.has(`host:${host.id}`) && !hosts.has(host.id);
    if (isOpen) hosts.set(host.id, JSON.stringify(host));
  }
  const mayHaveMore = orders.some(({ state }) => state !== OrderState.Done);
  return { hosts, settledCount: settled.size, mayHaveMore };
}
