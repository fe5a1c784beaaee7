import { ResourceExhaustedError, type Clock } from '@pondhawk/core';

/** Wrong passwords for one name from one address until it is locked out. */
export const SIGN_IN_FAILURES_MAX = 5;
/** Wrong passwords for one name from all addresses together until nobody may try. */
export const SIGN_IN_FAILURES_OF_NAME_MAX = 50;
/** How long a lock-out lasts, and failures are remembered, in ms. */
export const LOCK_OUT_MS = 15 * 60_000;
/** Tries of one address a minute, right ones too: each costs a hash. */
export const SIGN_INS_PER_MINUTE_MAX = 60;
/** Keys that are remembered; beyond that the oldest is forgotten. */
const KEYS_MAX = 10_000;

const MINUTE_MS = 60_000;

interface Count {
  count: number;
  readonly endsAtMs: number;
}

/** Counts by key, each from its first event until its time has run out. */
class Counts {
  private readonly byKey = new Map<string, Count>();

  constructor(
    private readonly clock: Clock,
    private readonly lastsMs: number,
  ) {}

  get(key: string): Count | undefined {
    const found = this.byKey.get(key);
    if (found === undefined || found.endsAtMs > this.clock.monotonicMs()) return found;
    this.byKey.delete(key);
    return undefined;
  }

  add(key: string): void {
    const found = this.get(key);
    if (found !== undefined) {
      found.count += 1;
      return;
    }
    const [oldest] = this.byKey.keys();
    if (this.byKey.size >= KEYS_MAX && oldest !== undefined) this.byKey.delete(oldest);
    this.byKey.set(key, { count: 1, endsAtMs: this.clock.monotonicMs() + this.lastsMs });
  }

  delete(key: string): void {
    this.byKey.delete(key);
  }
}

/** Who tries to sign in, and from where. */
export interface SignInAttempt {
  readonly name: string;
  readonly remoteIp: string;
}

/**
 * Stands before each check of a password. Names that do not exist are counted like others, so that
 * being locked out tells nothing. In memory: a restart forgets, and each manager counts for itself.
 */
export class SignInGate {
  private readonly failures: Counts;
  private readonly failuresOfNames: Counts;
  private readonly attempts: Counts;

  constructor(private readonly clock: Clock) {
    this.failures = new Counts(clock, LOCK_OUT_MS);
    this.failuresOfNames = new Counts(clock, LOCK_OUT_MS);
    this.attempts = new Counts(clock, MINUTE_MS);
  }

  /** @throws ResourceExhaustedError (`SIGN_IN_LOCKED`, `SIGN_IN_RATE_LIMITED`) with the time to come again. */
  enter({ name, remoteIp }: SignInAttempt): void {
    this.refuse(this.failures.get(keyOf({ name, remoteIp })), SIGN_IN_FAILURES_MAX);
    this.refuse(this.failuresOfNames.get(name), SIGN_IN_FAILURES_OF_NAME_MAX);
    const attempts = this.attempts.get(remoteIp);
    if (attempts !== undefined && attempts.count >= SIGN_INS_PER_MINUTE_MAX) {
      throw new ResourceExhaustedError(
        'SIGN_IN_RATE_LIMITED',
        `More than ${SIGN_INS_PER_MINUTE_MAX} sign-ins a minute from your address.`,
        { retryAfterMs: attempts.endsAtMs - this.clock.monotonicMs() },
      );
    }
    this.attempts.add(remoteIp);
  }

  /** The password was wrong, or there is no such user. */
  fail(attempt: SignInAttempt): void {
    this.failures.add(keyOf(attempt));
    this.failuresOfNames.add(attempt.name);
  }

  /** The password was right: failures before do not count any more. */
  succeed(attempt: SignInAttempt): void {
    this.failures.delete(keyOf(attempt));
  }

  private refuse(failures: Count | undefined, max: number): void {
    if (failures === undefined || failures.count < max) return;
    throw new ResourceExhaustedError(
      'SIGN_IN_LOCKED',
      'Too many wrong passwords; signing in by this name is locked for a while.',
      { retryAfterMs: failures.endsAtMs - this.clock.monotonicMs() },
    );
  }
}

function keyOf({ name, remoteIp }: SignInAttempt): string {
  return `${remoteIp}\n${name}`;
}
