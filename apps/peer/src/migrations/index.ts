import type { Migration } from '@pondhawk/storage';

/** The schema of a peer's database, step by step. Never edited after merge, only added to. */
export const PEER_MIGRATIONS: readonly Migration[] = [
  {
    id: 1,
    name: 'copies-and-pieces',
    breaking: true,
    sql: `
      CREATE TABLE copies (
        copy_id TEXT PRIMARY KEY,
        task_id TEXT NOT NULL,
        url TEXT NOT NULL,
        tag TEXT NOT NULL,
        application TEXT NOT NULL,
        filtered_query_params TEXT NOT NULL,
        digest TEXT,
        piece_length_bytes INTEGER NOT NULL,
        content_length_bytes INTEGER,
        validator_etag TEXT NOT NULL,
        validator_last_modified TEXT NOT NULL,
        validator_length_bytes INTEGER,
        log_epoch TEXT NOT NULL,
        filled_at INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('filling', 'complete', 'purged')),
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        finished_at_ms INTEGER
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX copies_by_task ON copies (task_id);
      CREATE INDEX copies_by_use ON copies (state, updated_at_ms);
      CREATE UNIQUE INDEX copies_one_fill ON copies (task_id) WHERE state = 'filling';

      CREATE TABLE pieces (
        copy_id TEXT NOT NULL REFERENCES copies (copy_id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        offset_bytes INTEGER NOT NULL,
        length_bytes INTEGER NOT NULL,
        crc32 INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        origin_host_id TEXT NOT NULL,
        parent_id TEXT,
        created_at_ms INTEGER NOT NULL,
        PRIMARY KEY (copy_id, number)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE purge_log (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        log_epoch TEXT NOT NULL,
        applied INTEGER NOT NULL
      ) STRICT;
      INSERT INTO purge_log (id, log_epoch, applied) VALUES (1, '00000000000000000000000000000000', 0);
    `,
  },
  {
    id: 2,
    name: 'purge-results',
    breaking: true,
    sql: `
      ALTER TABLE purge_log ADD COLUMN applied_hash TEXT NOT NULL DEFAULT '';
      CREATE TABLE purge_results (
        seq INTEGER PRIMARY KEY,
        task_id TEXT NOT NULL,
        copies INTEGER NOT NULL,
        deleted_bytes INTEGER NOT NULL,
        is_told INTEGER NOT NULL
      ) STRICT;
    `,
  },
];
