import { sql } from 'kysely';

/** Keepalives that may be missing in a row before an instance counts as gone. */
export const KEEP_ALIVES_MISSED_MAX = 3;

/** SQL: until when (Unix ms) a scheduler is active by its newest keepalive; before the first it never was. */
export const activeUntilMs = sql<number>`(schedulers.last_keep_alive_at_ms + ${sql.lit(KEEP_ALIVES_MISSED_MAX)} * schedulers.keep_alive_interval_ms)`;

/** Whether an instance is active at `nowMs`; computed on every read, so nothing can stick. */
export function isActive(
  instance: {
    readonly last_keep_alive_at_ms: number;
    readonly keep_alive_interval_ms: number;
  },
  nowMs: number,
): boolean {
  return (
    instance.last_keep_alive_at_ms + KEEP_ALIVES_MISSED_MAX * instance.keep_alive_interval_ms >
    nowMs
  );
}
