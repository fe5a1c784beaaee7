'use strict';
// Fills or deletes a task in a folder and is killed where PONDHAWK_FAULT says. Runs on the built daemon.
const { faultsFromEnv } = require('@pondhawk/config');
const { SystemClock, MemoryLog } = require('@pondhawk/observability');
const { LocalDisk, migrate, openDatabase } = require('@pondhawk/storage');
const { join } = require('node:path');
const { crc32 } = require('node:zlib');
const dist = join(__dirname, '..', 'dist');
const { CopyPaths, CopyStore, SqliteCopies } = require(join(dist, 'copies'));
const { TaskDeletion } = require(join(dist, 'deletion'));
const { PEER_MIGRATIONS } = require(join(dist, 'migrations'));

const [, , dir, taskId, action] = process.argv;
const PIECE_BYTES = 64 * 1024;
const PIECES = 4;
const db = openDatabase({ path: join(dir, 'peer.db') });
migrate(db, PEER_MIGRATIONS);
const faults = faultsFromEnv(process.env);
const rows = new SqliteCopies(db);
const place = { paths: new CopyPaths(dir), disk: new LocalDisk() };
const copies = new CopyStore({ rows, ...place, clock: new SystemClock(), faults });
const announcer = { announceDeleted: () => Promise.resolve() };
const log = new MemoryLog();
const deletion = new TaskDeletion({ copies, rows, ...place, announcer, faults, log });

async function fillTask() {
  const contentLength = PIECES * PIECE_BYTES;
  const fill =
    (await copies.resumeFill(taskId)) ??
    (await copies.beginFill({
      taskId,
      url: 'http://origin.test/',
      tag: '',
      application: '',
      pieceLength: PIECE_BYTES,
      contentLength,
      validator: { etag: '', lastModified: '' },
    }));
  let asked = 0;
  for (let number = 0; number < PIECES; number += 1) {
    if (fill.pieces.has(number)) continue;
    asked += 1;
    const bytes = Buffer.alloc(PIECE_BYTES, number + 1);
    const writer = fill.openPiece({ number, offset: number * PIECE_BYTES, originHostId: 'me' });
    await writer.write(bytes);
    await writer.finish({ crc32: crc32(bytes) });
  }
  await fill.complete({ contentLength });
  process.stdout.write(`asked ${asked}\n`);
}

(action === 'fill' ? fillTask() : deletion.deleteTask(taskId, { announce: true })).then(
  () => setTimeout(() => process.exit(0), 50),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
