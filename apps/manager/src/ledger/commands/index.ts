import type { LedgerCommandName } from '../command-catalog.js';
import { appendAudits } from './audits.js';
import { cancelJob } from './cancel-job.js';
import { createCluster, deleteCluster, updateCluster } from './clusters.js';
import type { HandlerOf } from './command-handler.js';
import { deleteJobRecord } from './delete-job-record.js';
import { expireJobs } from './expire-jobs.js';
import { createHost, deleteHost } from './host-rows.js';
import { enrolHosts } from './hosts.js';
import { keepAlive, upsertScheduler, upsertSeedPeer } from './instances.js';
import { recordLater } from './later.js';
import { createNamed, deleteNamed, updateNamed } from './named-records.js';
import { markSent, recordStreams, renewBroker } from './outbox.js';
import { acknowledgeAlarm, renewLogId } from './purges.js';
import { recordReport } from './record-report.js';
import { removeAged } from './remove-aged.js';
import { retryJob } from './retry-job.js';
import { runGc } from './run-gc.js';
import {
  addPermission,
  createRole,
  deleteRole,
  grantRole,
  removePermission,
  revokeRole,
} from './roles.js';
import { createScheduler, deleteScheduler, updateScheduler } from './scheduler-rows.js';
import {
  createSeedPeerCluster,
  deleteSeedPeerCluster,
  updateSeedPeerCluster,
} from './seed-peer-clusters.js';
import { createSeedPeer, deleteSeedPeer, updateSeedPeer } from './seed-peer-rows.js';
import { expireLeases } from './take-over.js';
import { createToken, deleteToken, updateToken } from './tokens.js';
import { createUser, endSession, setPassword, updateUser } from './users.js';
import { issueView } from './views.js';
import { fenceTargets } from './fence-targets.js';
import { forgetEnrolments } from './enrolments.js';

export type { CommandHandler } from './command-handler.js';

/** Exactly one handler for each command, but for accepts, which are applied together (`acceptJobs`). */
export const COMMAND_HANDLERS: {
  readonly [N in Exclude<LedgerCommandName, 'accept-job'>]: HandlerOf<N>;
} = {
  'mark-sent': markSent,
  'renew-broker': renewBroker,
  'record-streams': recordStreams,
  'record-report': recordReport,
  'expire-jobs': expireJobs,
  'expire-leases': expireLeases,
  'cancel-job': cancelJob,
  'retry-job': retryJob,
  'delete-job-record': deleteJobRecord,
  'remove-aged': removeAged,
  'run-gc': runGc,
  'upsert-scheduler': upsertScheduler,
  'upsert-seed-peer': upsertSeedPeer,
  'keep-alive': keepAlive,
  'enrol-hosts': enrolHosts,
  'issue-view': issueView,
  'fence-targets': fenceTargets,
  'forget-enrolments': forgetEnrolments,
  'record-later': recordLater,
  'renew-log-id': renewLogId,
  'acknowledge-purge-log': acknowledgeAlarm,
  'create-cluster': createCluster,
  'update-cluster': updateCluster,
  'delete-cluster': deleteCluster,
  'create-seed-peer-cluster': createSeedPeerCluster,
  'update-seed-peer-cluster': updateSeedPeerCluster,
  'delete-seed-peer-cluster': deleteSeedPeerCluster,
  'create-scheduler': createScheduler,
  'update-scheduler': updateScheduler,
  'delete-scheduler': deleteScheduler,
  'create-seed-peer': createSeedPeer,
  'update-seed-peer': updateSeedPeer,
  'delete-seed-peer': deleteSeedPeer,
  'create-host': createHost,
  'delete-host': deleteHost,
  'create-named': createNamed,
  'update-named': updateNamed,
  'delete-named': deleteNamed,
  'create-user': createUser,
  'update-user': updateUser,
  'set-password': setPassword,
  'grant-role': grantRole,
  'revoke-role': revokeRole,
  'create-role': createRole,
  'delete-role': deleteRole,
  'add-permission': addPermission,
  'remove-permission': removePermission,
  'create-token': createToken,
  'update-token': updateToken,
  'delete-token': deleteToken,
  'end-session': endSession,
  'append-audits': appendAudits,
};
