import { randomBytes } from 'node:crypto';
import { type Clock } from '@pondhawk/core';
import {
  type BrokerConnection,
  deleteStreams,
  ensureStreams,
  findStreams,
} from '@pondhawk/messaging';
import type { Log } from '@pondhawk/observability';
import type { BrokerRecord, LedgerReader, LedgerWriter } from '../ledger/index.js';

const EPOCH_BYTES = 16;

/** What the streams are kept with. */
export interface BrokerStreamsParts {
  readonly connection: BrokerConnection;
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly log: Log;
  /** Told each time that the broker had lost them. */
  readonly onLost: () => void;
}

/**
 * The streams of orders and reports under the ledger's epoch. They are looked at once a connection,
 * and again after whatever looks like their loss. Streams that are gone, or made at another time
 * than the ledger remembers, are those of a broker that lost its data: the ledger takes a new epoch
 * and sends everything unfinished again. So no message of before can be taken for one of after.
 */
export class BrokerStreams {
  private settled: string | undefined; // The epoch whose streams are known to be there.
  private settling: Promise<string> | undefined; // Set while they are looked at.
  private unlisten: (() => void) | undefined; // Set between start and stop.

  constructor(private readonly parts: BrokerStreamsParts) {}

  /** Begins to follow the connection; whenever it is there, the streams are looked at. */
  start(): void {
    this.unlisten = this.parts.connection.onStatus(({ state }) => {
      this.forget();
      // A failure is one of the connection, and the next use finds it again.
      if (state === 'connected') this.ensure().catch(() => undefined);
    });
  }

  /** Stops following it. */
  stop(): void {
    this.unlisten?.();
    this.unlisten = undefined;
  }

  /** Looks at the streams again at the next use. */
  forget(): void {
    this.settled = undefined;
  }

  /** @returns the epoch under which the streams lie. @throws UnavailableError while there is no broker. */
  async ensure(): Promise<string> {
    const { epoch } = await this.parts.reader.loadBroker();
    if (this.settled === epoch) return epoch;
    this.settling ??= this.settle().finally(() => (this.settling = undefined));
    return this.settling;
  }

  private async settle(): Promise<string> {
    const { connection, reader, writer, clock } = this.parts;
    const broker = await this.renewIfLost(await reader.loadBroker());
    const { jobs, reports } = await ensureStreams(connection, broker.epoch);
    if (broker.formerEpoch !== '') await deleteStreams(connection, broker.formerEpoch);
    if (broker.jobsCreated !== jobs || broker.reportsCreated !== reports) {
      await writer.execute('record-streams', {
        atMs: clock.nowMs(),
        epoch: broker.epoch,
        jobsCreated: jobs,
        reportsCreated: reports,
      });
    }
    this.settled = broker.epoch;
    return broker.epoch;
  }

  private async renewIfLost(broker: BrokerRecord): Promise<BrokerRecord> {
    const { connection, reader, writer, clock, log } = this.parts;
    if (broker.jobsCreated === '') return broker; // Nothing was ever sent under this epoch.
    const found = await findStreams(connection, broker.epoch);
    if (found.jobs === broker.jobsCreated && found.reports === broker.reportsCreated) return broker;
    const { resentCount } = await writer.execute('renew-broker', {
      atMs: clock.nowMs(),
      lostEpoch: broker.epoch,
      newEpoch: randomBytes(EPOCH_BYTES).toString('hex'),
    });
    this.parts.onLost();
    log.warn('the broker lost its streams: what is unfinished is sent again', { resentCount });
    return reader.loadBroker();
  }
}
