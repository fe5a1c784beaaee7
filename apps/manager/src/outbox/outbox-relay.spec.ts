import { ManualClock, NoFaults, UnavailableError } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import type { LedgerReader, LedgerWriter, OutboxMessage } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { OrderPublisher } from './order-publisher.js';
import { OutboxRelay, PUBLISHES_IN_FLIGHT_MAX } from './outbox-relay.js';

const message = (id: number): OutboxMessage => ({
  id,
  sendCount: 1,
  jobId: id,
  orderId: id,
  clusterId: 1,
  schedulerId: 1,
  type: 'delete_task',
  payload: '{}',
});

class FakePublisher extends OrderPublisher {
  readonly published: number[] = [];
  isDown = false;
  inFlight = 0;
  inFlightMax = 0;

  async publish({ id }: OutboxMessage): Promise<void> {
    this.inFlightMax = Math.max(this.inFlightMax, ++this.inFlight);
    await Promise.resolve();
    this.inFlight--;
    if (this.isDown) throw new UnavailableError('BROKER_UNAVAILABLE', 'Down.');
    this.published.push(id);
  }
}

/** An outbox in memory, behind the parts of the ledger that the relay uses. */
class FakeOutbox {
  unsent: OutboxMessage[];
  emptied: () => void = () => undefined;

  constructor(count: number) {
    this.unsent = Array.from({ length: count }, (_, index) => message(index + 1));
  }

  readonly reader = {
    listUnsentMessages: (limit: number) => Promise.resolve(this.unsent.slice(0, limit)),
  } as unknown as LedgerReader;

  readonly writer = {
    onCommitted: () => () => undefined,
    execute: (_name: string, { messages }: { messages: readonly OutboxMessage[] }) => {
      const sent = messages.map(({ id }) => id);
      this.unsent = this.unsent.filter(({ id }) => !sent.includes(id));
      if (this.unsent.length === 0) this.emptied();
      return Promise.resolve(undefined);
    },
  } as unknown as LedgerWriter;
}

function relayOf(outbox: FakeOutbox, publisher: FakePublisher, log = new MemoryLog()): OutboxRelay {
  const { reader, writer } = outbox;
  const edge = new ProcessEdge(new ManualClock(), new NoFaults());
  return new OutboxRelay({ reader, writer, publisher, edge, log, random: () => 0 });
}

describe('OutboxRelay', () => {
  it('publishes everything once, over several batches, with bounded concurrency', async () => {
    const outbox = new FakeOutbox(1_203);
    const publisher = new FakePublisher();
    const relay = relayOf(outbox, publisher);
    const emptied = new Promise<void>((resolve) => (outbox.emptied = resolve));
    relay.onApplicationBootstrap();
    await emptied;
    await relay.beforeApplicationShutdown();
    expect(new Set(publisher.published).size).toBe(1_203);
    expect(publisher.published).toHaveLength(1_203);
    expect(publisher.inFlightMax).toBe(PUBLISHES_IN_FLIGHT_MAX);
  });

  it('keeps what the broker did not take, says so once, and sends it when woken', async () => {
    const outbox = new FakeOutbox(3);
    const publisher = new FakePublisher();
    const log = new MemoryLog();
    const relay = relayOf(outbox, publisher, log);
    publisher.isDown = true;
    relay.onApplicationBootstrap();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(outbox.unsent).toHaveLength(3);
    const emptied = new Promise<void>((resolve) => (outbox.emptied = resolve));
    publisher.isDown = false;
    relay.wake();
    await emptied;
    await relay.beforeApplicationShutdown();
    expect(publisher.published).toEqual([1, 2, 3]);
    expect(log.withMessage('orders wait for the broker')).toHaveLength(1);
  });
});
