/** Passwords: their rules, and their hashes by argon2id. */

import { randomInt } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { ResourceExhaustedError } from '@pondhawk/core';
import { invalidField } from '../rest-edge/field-reader.js';

/** Shortest and longest password, in characters, as Dragonfly's clients expect. */
export const PASSWORD_LENGTH = { min: 8, max: 20 } as const;
/** Hashes that are made or checked at once: each takes 19 MiB and a core for some 30 ms. */
export const PASSWORD_HASHES_AT_ONCE_MAX = 4;
/** Callers that may wait for one; more are refused. */
export const PASSWORD_HASHES_WAITING_MAX = 64;

/** OWASP's first choice for argon2id, the library's default algorithm: 19 MiB, 2 passes, 1 lane. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const BUSY_RETRY_AFTER_MS = 1_000;

const LETTERS = 'abcdefghijkmnpqrstuvwxyz';
const DIGITS = '23456789';
const MADE_LENGTH = 16;

/** @throws InvalidArgumentError (`INVALID_FIELD`) that names the field, never the value. */
export function requirePassword(value: string | undefined, field: string): string {
  const { min, max } = PASSWORD_LENGTH;
  if (value === undefined || value.length < min || value.length > max) {
    throw invalidField(field, `must have ${min} to ${max} characters`);
  }
  return value;
}

/** 16 characters, of which at least one is a lower-case letter and one a digit; none that looks like another. */
export function makePassword(): string {
  const all = LETTERS + DIGITS;
  const draw = (from: string): string => from.charAt(randomInt(from.length));
  for (;;) {
    const made = Array.from({ length: MADE_LENGTH }, () => draw(all)).join('');
    if (/[a-z]/.test(made) && /\d/.test(made)) return made;
  }
}

/** Hashes and checks passwords, few at once, so that a storm of sign-ins takes neither all memory nor all cores. */
export class PasswordHasher {
  private running = 0;
  /** Non-empty only while all places are taken. */
  private readonly waiting: (() => void)[] = [];
  /** Checked when there is no such user, so that both refusals take as long. */
  private decoy: Promise<string> | undefined;

  /** @throws ResourceExhaustedError (`SIGN_IN_BUSY`). */
  hash(password: string): Promise<string> {
    return this.inTurn(() => hash(password, ARGON2ID));
  }

  /**
   * @param passwordHash undefined for a user that does not exist: false, after as long.
   * @throws ResourceExhaustedError (`SIGN_IN_BUSY`).
   */
  async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    this.decoy ??= hash(makePassword(), ARGON2ID);
    const against = passwordHash ?? (await this.decoy);
    const isRight = await this.inTurn(() => verify(against, password));
    return isRight && passwordHash !== undefined;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= PASSWORD_HASHES_AT_ONCE_MAX) {
      if (this.waiting.length >= PASSWORD_HASHES_WAITING_MAX) {
        throw new ResourceExhaustedError('SIGN_IN_BUSY', 'Too many sign-ins at once.', {
          retryAfterMs: BUSY_RETRY_AFTER_MS,
        });
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else {
      this.running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }
}
