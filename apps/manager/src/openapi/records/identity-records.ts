/** Records about users, roles, tokens and audits, as they are answered. */

import { ROW_EXAMPLE, ROW_FIELDS, oneOf, recordOf, type Schema } from '../schema-parts.js';

/** By name. */
export const IDENTITY_RECORDS = {
  Session: recordOf(
    { token: 'string', expire: 'time' },
    { token: 'eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2lnbmF0dXJl', expire: '2026-11-22T12:00:00.000Z' },
  ),
  User: recordOf(
    {
      ...ROW_FIELDS,
      ...{ email: 'string', name: 'string', avatar: 'string', phone: 'string' },
      ...{ state: oneOf('enable', 'disable'), location: 'string', bio: 'string' },
    },
    {
      ...ROW_EXAMPLE,
      ...{ email: 'ada@example.com', name: 'ada', avatar: '', phone: '' },
      ...{ state: 'enable', location: 'hall 3', bio: '' },
    },
  ),
  PersonalAccessToken: recordOf(
    {
      ...ROW_FIELDS,
      ...{ name: 'string', bio: 'string', token: 'string', scopes: 'strings' },
      ...{ state: oneOf('active', 'inactive'), expired_at: 'time', user_id: 'integer' },
      user: recordOf({ id: 'integer', name: 'string' }, { id: 1, name: 'root' }),
    },
    {
      ...ROW_EXAMPLE,
      ...{ name: 'deploy', bio: '', token: '', scopes: ['job', 'cluster'], state: 'active' },
      ...{ expired_at: '2030-01-31T00:00:00.000Z', user_id: 1, user: { id: 1, name: 'root' } },
    },
  ),
  Permission: recordOf(
    { object: 'string', action: oneOf('read', '*') },
    { object: 'jobs', action: '*' },
  ),
  RolePermission: {
    type: 'array',
    description: 'Name of the role, object, action.',
    items: { type: 'string' },
    minItems: 3,
    maxItems: 3,
    example: ['operator', 'jobs', '*'],
  },
  Audit: recordOf(
    {
      ...ROW_FIELDS,
      ...{ actor_type: oneOf('UNKNOWN', 'USER', 'PAT'), actor_name: 'string' },
      ...{ event_type: oneOf('API'), operation: 'string', operated_at: 'time' },
      ...{ state: oneOf('SUCCESS', 'FAILURE'), path: 'string', status_code: 'integer' },
      ...{ detail: 'string', remote_ip: 'string', object: 'string', selector: 'string' },
      ...{ operated_at_ms: 'integer', hash: 'string' },
    },
    {
      ...ROW_EXAMPLE,
      ...{ actor_type: 'USER', actor_name: 'root', event_type: 'API', operation: 'DELETE' },
      ...{ operated_at: '2026-11-22T10:00:00.000Z', state: 'SUCCESS', path: '/api/v1/users/7' },
      ...{ status_code: 200, detail: 'OK', remote_ip: '10.0.0.9', object: 'users' },
      ...{ selector: 'id=7', operated_at_ms: 1_795_255_200_000, hash: '9f'.repeat(32) },
    },
  ),
} satisfies Readonly<Record<string, Schema>>;
