/** How tools and tests get into a manager. */

import { randomBytes } from 'node:crypto';
import { ConfigError } from '@pondhawk/core';

/** Where a manager is, and what lets in. */
export interface ManagerAccess {
  readonly url: string;
  readonly token: string;
}

const TOKEN_LIFE_MS = 30 * 24 * 3_600_000;
const SCOPES = ['job', 'cluster', 'admin'];

/** Headers of a request with a JSON body. */
export function headersFor({ token }: Pick<ManagerAccess, 'token'>): Record<string, string> {
  return { 'content-type': 'application/json', authorization: `Bearer ${token}` };
}

/** Signs in as `root` and makes a personal access token for everything. @throws ConfigError (`CLUSTER_SIGN_IN`). */
export async function makeToken(url: string, rootPassword: string): Promise<string> {
  const session = await post(`${url}/api/v1/users/signin`, '', {
    name: 'root',
    password: rootPassword,
  });
  const made = await post(`${url}/api/v1/personal-access-tokens`, session.token, {
    name: `cluster-${randomBytes(6).toString('hex')}`,
    scopes: SCOPES,
    expired_at: new Date(Date.now() + TOKEN_LIFE_MS).toISOString(),
  });
  return made.token;
}

/** A job a millisecond and more: tests and benches order as fast as they can. */
const JOB_RATE_LIMIT = 1_000_000;

/** Has the first cluster take as many jobs as come. @throws ConfigError (`CLUSTER_SIGN_IN`). */
export async function liftJobRateLimit({ url, token }: ManagerAccess): Promise<void> {
  const response = await fetch(`${url}/api/v1/clusters/1`, {
    method: 'PATCH',
    headers: headersFor({ token }),
    body: JSON.stringify({ scheduler_cluster_config: { job_rate_limit: JOB_RATE_LIMIT } }),
  });
  if (!response.ok) throw new ConfigError('CLUSTER_SIGN_IN', `${url} answered ${response.status}.`);
}

async function post(url: string, token: string, body: object): Promise<{ readonly token: string }> {
  const headers = token === '' ? { 'content-type': 'application/json' } : headersFor({ token });
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (response.ok) return (await response.json()) as { readonly token: string };
  throw new ConfigError('CLUSTER_SIGN_IN', `${url} answered ${response.status}.`);
}
