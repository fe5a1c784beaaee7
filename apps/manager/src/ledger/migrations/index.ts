import { firstTables } from './0001-first-tables.js';
import { firstRows } from './0002-first-rows.js';
import { purgeLog } from './0003-purge-log.js';
import { brokerStreams } from './0004-broker-streams.js';
import { orderLeases } from './0005-order-leases.js';
import { idempotencyAndLocks } from './0006-idempotency-and-locks.js';
import { absentHosts } from './0007-absent-hosts.js';
import { enrolments } from './0008-enrolments.js';
import { seedPeerClusters } from './0010-seed-peer-clusters.js';
import { instancesByHand } from './0011-instances-by-hand.js';
import { namedRecords } from './0012-named-records.js';
import { auditStart } from './0013-audit-start.js';
import { verification } from './0014-verification.js';
import { purgeLogAuthors } from './0015-purge-log-authors.js';
import { waivers } from './0016-waivers.js';
import { sealedArgs } from './0018-sealed-args.js';
import { identity } from './0020-identity.js';
import { gcJobs } from './0022-gc-jobs.js';
import { userLinks } from './0024-user-links.js';
import { jobControl } from './0030-job-control.js';
import { dryRuns } from './0031-dry-runs.js';
import { retries } from './0032-retries.js';
import { reportPlaces } from './0033-report-places.js';
import type { LedgerMigration } from './ledger-migration.js';

export type { LedgerMigration, MigrationContext } from './ledger-migration.js';

/** All steps, in order. */
export const LEDGER_MIGRATIONS: readonly LedgerMigration[] = [
  firstTables,
  firstRows,
  purgeLog,
  brokerStreams,
  orderLeases,
  idempotencyAndLocks,
  absentHosts,
  enrolments,
  seedPeerClusters,
  instancesByHand,
  namedRecords,
  auditStart,
  verification,
  purgeLogAuthors,
  waivers,
  sealedArgs,
  identity,
  gcJobs,
  userLinks,
  jobControl,
  dryRuns,
  retries,
  reportPlaces,
];
