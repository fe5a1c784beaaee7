/** What each operation answers, by its id: a record, or a list of such. One that is not here says it itself. */

import type { RecordName } from './records/index.js';

/** A record, or in brackets a list of such. */
export type OperationAnswer = RecordName | readonly [RecordName];

/** By operation id. */
export const OPERATION_ANSWERS: Readonly<Record<string, OperationAnswer>> = {
  ...{ signIn: 'Session', refreshToken: 'Session' },
  ...{ signUp: 'User', listUsers: ['User'], getUser: 'User', updateUser: 'User' },
  ...{ getRole: ['RolePermission'], listPermissions: ['Permission'] },
  ...itemAnswers('PersonalAccessToken', 'Token'),
  listAudits: ['Audit'],
  ...{ isAlive: 'Health', isReady: 'Health', acknowledgePurgeLog: 'Health' },
  listPurgeLog: ['Purge'],
  ...itemAnswers('Cluster'),
  ...itemAnswers('SchedulerCluster'),
  ...itemAnswers('SeedPeerCluster'),
  ...itemAnswers('Scheduler'),
  ...itemAnswers('SeedPeer'),
  ...itemAnswers('Peer'),
  ...itemAnswers('Config'),
  ...itemAnswers('Application'),
  ...itemAnswers('SignInProvider', 'Oauth', 'Oauth'),
};

/** Of the four usual operations on a kind of rows. */
function itemAnswers(
  record: RecordName,
  one: string = record,
  many = `${one}s`,
): Readonly<Record<string, OperationAnswer>> {
  return {
    [`list${many}`]: [record],
    [`create${one}`]: record,
    [`get${one}`]: record,
    [`update${one}`]: record,
  };
}
