/** Which hosts an order is carried out on. */

import { fromHostRecord, unpackHosts, type commonV2, type OrderPayload } from '@pondhawk/contracts';
import { chooseByRendezvous, parseHostId, type HostId } from '@pondhawk/core';

/** A host of an order. */
export interface OrderHost {
  readonly id: HostId;
  /** As it announced itself, or as the ledger remembers it. */
  readonly record: commonV2.Host;
  /** The ledger waits for it already. */
  readonly isNamed: boolean;
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
    hosts.set(id, { id, record: known, isNamed: true });
  }
  if (order.only_named === true) return [...hosts.values()];
  // A taken-over order still means the hosts of the scheduler that had it first.
  const home = order.home_scheduler_id ?? order.scheduler_id;
  for (const [id, record] of announced) {
    const isMeant = chooseByRendezvous(order.schedulers, id).id === home;
    if (isMeant) hosts.set(id, { id, record, isNamed: hosts.has(id) });
  }
  return [...hosts.values()];
}
