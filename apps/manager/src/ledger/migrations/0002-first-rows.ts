import { ZERO_EPOCH } from '@pondhawk/core';
import type { LedgerMigration } from './ledger-migration.js';

/** What a new ledger starts with: number 0, a broker epoch, and the default cluster with Dragonfly's limits. */
export const firstRows: LedgerMigration = {
  id: 2,
  name: 'first-rows',
  breaking: true,
  async apply({ db, nowMs, brokerEpoch }) {
    await db.insertInto('ledger_head').values({ id: 1, number: 0 }).execute();
    await db
      .insertInto('broker')
      .values({ id: 1, epoch: brokerEpoch, created_at_ms: nowMs })
      .execute();
    const { id } = await db
      .insertInto('scheduler_clusters')
      .values({
        name: 'cluster-1',
        bio: '',
        config: JSON.stringify({
          candidate_parent_limit: 4,
          filter_parent_limit: 15,
          job_rate_limit: 10,
        }),
        client_config: JSON.stringify({ load_limit: 200 }),
        seed_client_config: JSON.stringify({ load_limit: 2000 }),
        scopes: JSON.stringify({ idc: '', location: '', cidrs: [], hostnames: [] }),
        is_default: 1,
        seed_peer_cluster_id: 1,
        created_at_ms: nowMs,
        updated_at_ms: nowMs,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await db
      .insertInto('purge_log_heads')
      .values({ scheduler_cluster_id: id, epoch: ZERO_EPOCH, head: 0 })
      .execute();
  },
};
