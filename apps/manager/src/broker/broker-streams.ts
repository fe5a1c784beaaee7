import { type BrokerConnection, ensureStreams } from '@pondhawk/messaging';
import type { LedgerReader } from '../ledger/index.js';

/**
 * The streams of orders and reports under the ledger's epoch. They are looked for, and made if need
 * be, once a connection: a broker that came back without its data gets them again.
 */
export class BrokerStreams {
  private epoch: string | undefined; // Set by the first use; never changes while the process lives.
  private ensured: Promise<unknown> | undefined; // Set while the streams are known to be there.
  private unlisten: (() => void) | undefined; // Set between start and stop.

  constructor(
    private readonly connection: BrokerConnection,
    private readonly reader: LedgerReader,
  ) {}

  /** Begins to follow the connection. */
  start(): void {
    this.unlisten = this.connection.onStatus(() => this.forget());
  }

  /** Stops following it. */
  stop(): void {
    this.unlisten?.();
    this.unlisten = undefined;
  }

  /** Looks for the streams again at the next use. */
  forget(): void {
    this.ensured = undefined;
  }

  /** @returns the epoch under which the streams lie. @throws UnavailableError while there is no broker. */
  async ensure(): Promise<string> {
    this.epoch ??= await this.reader.loadBrokerEpoch();
    const ensured = (this.ensured ??= ensureStreams(this.connection, this.epoch));
    try {
      await ensured;
    } catch (error) {
      if (this.ensured === ensured) this.forget();
      throw error;
    }
    return this.epoch;
  }
}
