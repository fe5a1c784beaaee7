/** The one secret of a manager, from which those of sessions, tokens and seals are derived. */

import { hkdfSync, randomBytes } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, errnoOf } from '@pondhawk/core';
import { syncDirectory, toStorageError } from '@pondhawk/storage';
import type { ManagerConfig } from '../config/manager.config.js';

/** Name of the file in the data folder that holds a key nobody configured. */
export const AUTH_KEY_FILE = 'auth.key';
/** Shortest configured key, in characters. */
export const AUTH_KEY_LENGTH_MIN = 32;

const KEY_BYTES = 32;
const OWNER_ONLY = 0o600;

/** Derived keys; knowing one tells nothing of the other. */
export interface AuthKeys {
  /** Signs sessions. */
  readonly session: Buffer;
  /** Keys the hashes of personal access tokens. */
  readonly token: Buffer;
  /** Seals secrets of others that have to be shown to them again. */
  readonly seal: Buffer;
}

/** Holds the keys of this manager. */
export class AuthKeySource {
  private constructor(readonly keys: AuthKeys) {}

  /**
   * The configured key, or the one in the data folder, made at the first start. Managers that share a
   * database must be configured with the same.
   *
   * @throws ConfigError (`AUTH_KEY_UNUSABLE`) if it is too short, or the file holds none.
   */
  static async load(config: ManagerConfig): Promise<AuthKeySource> {
    return new AuthKeySource(await loadAuthKeys(config));
  }
}

async function loadAuthKeys({ dataDir, auth }: ManagerConfig): Promise<AuthKeys> {
  const configured = auth.key.reveal();
  if (configured !== '' && configured.length < AUTH_KEY_LENGTH_MIN) {
    throw unusable(`auth.key must have at least ${AUTH_KEY_LENGTH_MIN} characters`);
  }
  const key = configured === '' ? await readOrMake(join(dataDir, AUTH_KEY_FILE)) : configured;
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', key, '', `pondhawk ${purpose}`, KEY_BYTES));
  return { session: derive('session'), token: derive('token'), seal: derive('seal') };
}

async function readOrMake(path: string): Promise<string> {
  try {
    const made = await read(path);
    if (made !== undefined) return made;
    // Under another name first: a crash must not leave half a key.
    const file = await open(`${path}.new`, 'w', OWNER_ONLY);
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`);
    await file.sync();
    await file.close();
    // Unlike a rename it does not replace a key that is there.
    await link(`${path}.new`, path);
    await unlink(`${path}.new`);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw error instanceof ConfigError ? error : toStorageError(error);
  }
  return (await read(path)) ?? '';
}

async function read(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    if (/^[0-9a-f]{64}$/.test(text)) return text;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  throw unusable(`${path} does not hold 64 hex digits`);
}

function unusable(what: string): ConfigError {
  return new ConfigError('AUTH_KEY_UNUSABLE', `The key for sessions and tokens: ${what}.`, {
    details: { key: 'auth.key' },
  });
}
