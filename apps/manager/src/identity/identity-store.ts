import type { Clock } from '@pondhawk/core';
import type {
  IdentityReader,
  LedgerCommandName,
  LedgerCommands,
  LedgerWriter,
  TokenRecord,
  UserRecord,
} from '../ledger/index.js';
import { AccessPolicy } from './access-policy.js';

/** How long what was read may be used again; what another manager changes is seen after that. */
export const IDENTITY_AGE_MS_MAX = 1_000;
/** Things that are remembered; beyond that all of them are read anew. */
const REMEMBERED_MAX = 10_000;

interface Remembered {
  readonly value: Promise<unknown>;
  readonly endsAtMs: number;
}

/**
 * Users, tokens, sessions and rights, as each request needs them. Remembers for a second what it
 * read, and forgets all of it with each change made here: a token that is revoked here is revoked
 * at once, one that another manager revoked within that second.
 */
export class IdentityStore {
  /** Filled by reads, emptied by changes. */
  private remembered = new Map<string, Remembered>();
  private readonly listeners: (() => void)[] = []; // Filled at the start.

  constructor(
    private readonly reader: IdentityReader,
    private readonly writer: LedgerWriter,
    private readonly clock: Clock,
  ) {}

  findUser(userId: number): Promise<UserRecord | undefined> {
    return this.recall(`user ${userId}`, () => this.reader.findUser(userId));
  }

  findToken(lookup: string): Promise<TokenRecord | undefined> {
    return this.recall(`token ${lookup}`, () => this.reader.findTokenByLookup(lookup));
  }

  isSessionEnded(sessionId: string): Promise<boolean> {
    return this.recall(`session ${sessionId}`, () => this.reader.isSessionEnded(sessionId));
  }

  loadPolicy(): Promise<AccessPolicy> {
    return this.recall('policy', async () => AccessPolicy.of(await this.reader.listRoles()));
  }

  /** Changes something of identity; from its commit on nothing older is used. */
  async change<N extends LedgerCommandName>(
    name: N,
    input: Omit<LedgerCommands[N]['input'], 'atMs'>,
  ): Promise<LedgerCommands[N]['result']> {
    const timed = { ...input, atMs: this.clock.nowMs() } as LedgerCommands[N]['input'];
    try {
      return await this.writer.execute(name, timed);
    } finally {
      this.remembered.clear();
      for (const listener of this.listeners) listener();
    }
  }

  /** Calls `listener` after each change made here. */
  onChanged(listener: () => void): void {
    this.listeners.push(listener);
  }

  private recall<T>(key: string, read: () => Promise<T>): Promise<T> {
    const nowMs = this.clock.monotonicMs();
    const known = this.remembered.get(key);
    if (known !== undefined && known.endsAtMs > nowMs) return known.value as Promise<T>;
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    const value = read();
    this.remembered.set(key, { value, endsAtMs: nowMs + IDENTITY_AGE_MS_MAX });
    // A failed read is told to those who wait for it and to nobody later.
    value.catch(() => this.remembered.delete(key));
    return value;
  }
}
