/** Secrets of other services, sealed so that the database alone does not tell them (AES-256-GCM). */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DataCorruptionError } from '@pondhawk/core';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param key 32 bytes. @returns base64 of nonce, tag and text. */
export function sealSecret(key: Buffer, secret: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
}

/** @throws DataCorruptionError (`SECRET_UNREADABLE`) if it was sealed with another key, or changed. */
export function openSecret(key: Buffer, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, key, nonce);
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new DataCorruptionError(
      'SECRET_UNREADABLE',
      'A kept secret cannot be opened with this auth.key; give it anew.',
      { cause },
    );
  }
}
