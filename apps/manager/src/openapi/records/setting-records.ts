/** Records that are kept by name, and short answers, as they are given. */

import { ROW_EXAMPLE, ROW_FIELDS, oneOf, recordOf, type Schema } from '../schema-parts.js';

/** By name. */
export const SETTING_RECORDS = {
  Config: recordOf(
    {
      ...{ ...ROW_FIELDS, name: 'string', bio: 'string', value: 'string' },
      ...{ user_id: 'integer', user: 'object' },
    },
    { ...ROW_EXAMPLE, name: 'motd', bio: '', value: 'Hello.', user_id: 1, user: {} },
  ),
  Application: recordOf(
    {
      ...{ ...ROW_FIELDS, name: 'string', url: 'string', bio: 'string', priority: 'object' },
      ...{ user_id: 'integer', user: 'object' },
    },
    {
      ...{ ...ROW_EXAMPLE, name: 'models', url: 'https://models.example.com/', bio: '' },
      ...{ priority: { value: 3, urls: [{ regex: 'blobs/.*', value: 5 }] }, user_id: 1, user: {} },
    },
  ),
  SignInProvider: recordOf(
    {
      ...{ ...ROW_FIELDS, name: 'string', bio: 'string', client_id: 'string' },
      ...{ redirect_url: 'string', issuer: 'string' },
    },
    {
      ...{ ...ROW_EXAMPLE, name: 'corp', bio: '', client_id: 'pondhawk' },
      redirect_url: 'https://pondhawk.example.com/api/v1/users/signin/corp/callback',
      issuer: 'https://sso.example.com',
    },
  ),
  Health: recordOf({ status: oneOf('ok') }, { status: 'ok' }),
} satisfies Readonly<Record<string, Schema>>;
