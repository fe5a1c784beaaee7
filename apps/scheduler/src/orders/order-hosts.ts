/** Which hosts an order is carried out on. */

import { fromHostRecord, unpackHosts, type commonV2, type OrderPayload } from '@pondhawk/contracts';
import { chooseByRendezvous, parseHostId, type HostId } from '@pondhawk/core';

/** A host of an order. */
export interface OrderHost {
  readonly id: HostId;
  /** As it announced itself, or as the ledger remembers it. */
  readonly record: commonV2.Host;
}

/**
 * The hosts that the ledger names and those that have announced themselves here and belong to this
 * scheduler; one that did both stands as it announced itself.
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
    hosts.set(id, { id, record: known });
  }
  for (const [id, record] of announced) {
    const isHere = chooseByRendezvous(order.schedulers, id).id === order.scheduler_id;
    if (isHere) hosts.set(id, { id, record });
  }
  return [...hosts.values()];
}
