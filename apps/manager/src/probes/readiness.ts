import type { BeforeApplicationShutdown } from '@nestjs/common';
import { UnavailableError, toError } from '@pondhawk/core';
import type { BrokerConnection } from '@pondhawk/messaging';
import type { LedgerReader } from '../ledger/index.js';

/** How long a caller should wait before asking again, in ms. */
export const READINESS_RETRY_AFTER_MS = 1_000;

/** Whether this manager can do its work: the ledger answers and the broker is connected. */
export class Readiness implements BeforeApplicationShutdown {
  private isStopping = false;

  constructor(
    private readonly reader: LedgerReader,
    private readonly connection: BrokerConnection,
  ) {}

  beforeApplicationShutdown(): void {
    this.isStopping = true;
  }

  /** @throws UnavailableError (`NOT_READY`) with the reasons in `details.reasons`. */
  async check(): Promise<void> {
    const reasons = [
      await this.ledgerTrouble(),
      await this.purgeLogTrouble(),
      this.connection.isConnected ? undefined : 'broker: not connected, orders wait in the outbox',
      this.isStopping ? 'manager: stopping' : undefined,
    ].filter((reason) => reason !== undefined);
    if (reasons.length === 0) return;
    throw new UnavailableError('NOT_READY', `Not ready: ${reasons.join('; ')}.`, {
      details: { reasons },
      retryAfterMs: READINESS_RETRY_AFTER_MS,
    });
  }

  private async purgeLogTrouble(): Promise<string | undefined> {
    const alarm = await this.reader.findPurgeLogAlarm().catch(() => undefined); // Told by the ledger's own check.
    return alarm === undefined
      ? undefined
      : `purge log: a new epoch, hosts dropped what they held, because ${alarm}; acknowledge it`;
  }

  private async ledgerTrouble(): Promise<string | undefined> {
    try {
      await this.reader.ping();
      return undefined;
    } catch (error) {
      // The driver's text may hold addresses; its kind is enough here.
      return `ledger: ${toError(error).name}`;
    }
  }
}
