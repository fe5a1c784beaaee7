/** Which hosts an order is carried out on. */

import {
  fromHostRecord,
  unpackHosts,
  type commonV2,
  OTHER_DAEMON,
  type HostRecord,
  type OrderPayload,
} from '@pondhawk/contracts';
import { chooseByRendezvous, parseHostId, type HostId } from '@pondhawk/core';
import { PURGE_RULES, type DaemonIdentity } from '@pondhawk/purge';
import type { HostAnswer, Speaker } from './host-caller.js';

/** A host of an order. */
export interface OrderHost {
  readonly id: HostId;
  /** As it announced itself, or as the ledger remembers it. */
  readonly record: commonV2.Host;
  /** The ledger waits for it already. */
  readonly isNamed: boolean;
  /** The daemon that is meant; undefined if whoever answers under the id is. */
  readonly daemon: DaemonIdentity | undefined;
}

/**
 * The hosts that the ledger names and those that have announced themselves here and belong to the
 * order's share, unless those that are named are meant alone; one that did both stands as it announced itself.
 *
 * @throws InvalidArgumentError (`PAYLOAD_INVALID`, `INVALID_HOST_ID`).
 */
export function findOrderHosts(
  order: OrderPayload,
  announced: ReadonlyMap<HostId, commonV2.Host>,
): OrderHost[] {
  const hosts = new Map<HostId, OrderHost>();
  for (const record of unpackHosts(order.hosts ?? '')) {
    const id = parseHostId(record.id);
    const known = announced.get(id) ?? fromHostRecord(record, order.scheduler_cluster_id);
    hosts.set(id, { id, record: known, isNamed: true, daemon: daemonOf(record) });
  }
  if (order.only_named === true) return [...hosts.values()];
  // A taken-over order still means the hosts of the scheduler that had it first.
  const home = order.home_scheduler_id ?? order.scheduler_id;
  for (const [id, record] of announced) {
    const isMeant = chooseByRendezvous(order.schedulers, id).id === home;
    const named = hosts.get(id);
    if (isMeant) {
      hosts.set(id, { id, record, isNamed: named !== undefined, daemon: named?.daemon });
    }
  }
  return [...hosts.values()];
}

function daemonOf({ id, incarnation = '', folder_lock: lock = '' }: HostRecord) {
  return incarnation === '' ? undefined : { hostId: id, incarnation, lock };
}

/** R10: whether what a daemon says under a host's id is said of the one that is meant. */
export function speaksFor({ id, daemon }: OrderHost, speaker: Speaker): boolean {
  const { incarnation, lock } = speaker;
  return daemon === undefined || PURGE_RULES.standsFor({ hostId: id, incarnation, lock }, daemon);
}

const UNTOLD: Speaker = { incarnation: '', lock: '' };

/** R10: the answer to a deletion, or that it is another daemon's and says nothing of the one that is meant. */
export function answerOfMeant(host: OrderHost, answer: HostAnswer): HostAnswer {
  if (answer.outcome !== 'deleted' && answer.outcome !== 'absent') return answer;
  if (speaksFor(host, answer.speaker ?? UNTOLD)) return answer;
  return {
    outcome: 'failed',
    code: OTHER_DAEMON,
    message: `Another daemon answers as ${host.id} by now; the one that may hold the task has not.`,
    isRetryable: false,
  };
}
