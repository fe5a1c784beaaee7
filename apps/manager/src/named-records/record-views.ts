import { timeView, type Json } from '../job-views/index.js';
import type { NamedRecord } from '../ledger/index.js';

/** What every row has. */
export function rowView({ id, name, createdAtMs, updatedAtMs }: NamedRecord): Json {
  return {
    ...{ id, created_at: timeView(createdAtMs), updated_at: timeView(updatedAtMs), is_del: 0 },
    name,
  };
}
