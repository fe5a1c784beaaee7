import type { Kysely } from 'kysely';
import { ZERO_EPOCH } from '@pondhawk/core';
import { leaveBroker } from './commands/outbox.js';
import { renewEpochs } from './commands/purges.js';
import type { PurgeWitness, WitnessedLogs } from './purge-witness.js';
import type { LedgerTables } from './tables.js';

/** The logs of a ledger, as it tells them itself. */
interface LedgerLogs {
  readonly epoch: string;
  readonly heads: ReadonlyMap<number, number>;
  readonly waivers: ReadonlyMap<number, number>;
}

/** What deciding on a log id needs. */
export interface SettleOptions {
  /** 32 random hex digits, should there be a new epoch. */
  readonly newEpoch: string;
  readonly nowMs: number;
  /** The ledger comes from a backup: whatever its witness says, it went back. */
  readonly isRestored: boolean;
}

const RESTORED = 'the ledger was restored from a backup';

/**
 * Decides at a start whether the epoch of the purge logs still holds. It does only while the ledger
 * is certain to know every number that was ever answered: the witness is there, names the same
 * epoch, and is nowhere ahead. Otherwise hosts may have applied numbers that this ledger will give
 * to other deletes, and all logs get `newEpoch`; hosts then drop what they hold.
 *
 * @returns why the epoch was replaced, if it was and there was anything to lose.
 */
export async function settleLogId(
  db: Kysely<LedgerTables>,
  witness: PurgeWitness,
  { newEpoch, nowMs, isRestored }: SettleOptions,
): Promise<string | undefined> {
  const witnessed = await witness.read();
  const alarm = await db.transaction().execute(async (tx) => {
    const ledger = await readLogs(tx);
    const doubt = isRestored ? RESTORED : findDoubt(ledger, witnessed);
    if (doubt === undefined) return undefined;
    const isFirstStart = ledger.epoch === ZERO_EPOCH && witnessed === undefined;
    const reason = isFirstStart ? undefined : doubt;
    const heads = witnessed?.heads ?? new Map<number, number>();
    const waivers = witnessed?.waivers ?? new Map<number, number>();
    await renewEpochs(tx, { epoch: newEpoch, heads, waivers, alarm: reason ?? null });
    // The broker may hold orders and reports of a history that this ledger does not know.
    if (!isFirstStart) await leaveBroker({ db: tx, atMs: nowMs }, newEpoch);
    return reason;
  });
  await witness.restart(await readLogs(db));
  return alarm;
}

function findDoubt(ledger: LedgerLogs, witnessed: WitnessedLogs | undefined): string | undefined {
  if (ledger.epoch === ZERO_EPOCH) return 'the ledger has no purge log yet, but its witness has';
  if (witnessed === undefined) return 'the witness of the purge logs is missing';
  if (witnessed.epoch !== ledger.epoch) return 'the witness names another epoch of the purge logs';
  for (const [clusterId, head] of witnessed.heads) {
    const known = ledger.heads.get(clusterId) ?? 0;
    if (head > known) {
      return `purge ${head} of cluster ${clusterId} was answered, but the ledger ends at ${known}`;
    }
  }
  for (const [clusterId, number] of witnessed.waivers) {
    if (number > (ledger.waivers.get(clusterId) ?? 0))
      return `whether hosts of cluster ${clusterId} may serve without a lease was changed ${number} times, and the ledger does not know of all`;
  }
  return undefined;
}

async function readLogs(db: Kysely<LedgerTables>): Promise<LedgerLogs> {
  const rows = await db.selectFrom('purge_log_heads').selectAll().execute();
  return {
    epoch: rows[0]?.epoch ?? ZERO_EPOCH,
    heads: new Map(rows.map((row) => [row.scheduler_cluster_id, row.head])),
    waivers: new Map(
      rows
        .filter((row) => row.waiver_number > 0)
        .map((row) => [row.scheduler_cluster_id, row.waiver_number]),
    ),
  };
}
