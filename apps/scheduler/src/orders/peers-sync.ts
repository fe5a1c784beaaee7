import { setTimeout as sleep } from 'node:timers/promises';
import {
  schedulerNode,
  schedulerRecord,
  TargetReport,
  type OrderPayload,
  type OrderScheduler,
} from '@pondhawk/contracts';
import { toError, type Clock, type Faults } from '@pondhawk/core';
import type { Fleet } from '../fleet/fleet.js';
import type { OrderCancels } from './order-cancels.js';
import { ReportBatcher } from './report-batcher.js';
import type { SendReport } from './report-senders.js';

/** How long the manager may take to write all hosts of this scheduler; the target has failed after that. */
export const TELLING_TIMEOUT_MS = 30_000;

/** Parts that a sync is carried out with. */
export interface PeersSyncParts {
  readonly fleet: Pick<Fleet, 'tellAll'>;
  readonly cancels: Pick<OrderCancels, 'run'>;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Default: `TELLING_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
}

/**
 * Carries out an order to tell the manager of all hosts. They are enrolled anew, as every connection is, so that
 * their rows are written by nothing else than at other times; the report comes after they were written. An order that
 * a dead scheduler had first is carried out in its name: its hosts are here by then, or will come.
 */
export class PeersSync {
  constructor(private readonly parts: PeersSyncParts) {}

  /** Resolves after the last report. @throws what `send` threw: the order must be delivered again. */
  async execute(order: OrderPayload, send: SendReport): Promise<void> {
    const { faults, cancels } = this.parts;
    faults.reach('scheduler.order.received');
    const batcher = new ReportBatcher(async (report) => {
      await send(report);
      faults.reach('scheduler.order.report-sent');
    });
    try {
      await cancels.run(order, async () => {
        batcher.add(await this.carryOut(order));
        await batcher.finish();
      });
    } finally {
      batcher.stop();
    }
  }

  private async carryOut(order: OrderPayload): Promise<TargetReport> {
    const { clock } = this.parts;
    const scheduler = shareOf(order);
    const started_at_ms = clock.nowMs();
    const facts = await this.tell();
    return Object.assign(new TargetReport(), {
      ...{ node: schedulerNode(scheduler.id), host: schedulerRecord(scheduler) },
      ...{ try: 1, attempts: 1, started_at_ms, ended_at_ms: clock.nowMs(), ...facts },
    });
  }

  private async tell(): Promise<Partial<TargetReport>> {
    const { fleet, timeoutMs = TELLING_TIMEOUT_MS } = this.parts;
    const ending = new AbortController();
    const telling = fleet.tellAll();
    telling.catch(() => undefined); // If it fails after its time.
    try {
      const hostCount = await Promise.race([
        telling,
        sleep(timeoutMs, undefined, { signal: ending.signal }),
      ]);
      if (hostCount !== undefined) return { outcome: 'answered', host_count: hostCount };
      const seconds = Math.ceil(timeoutMs / 1_000);
      const message = `The manager has not written the hosts of this scheduler within ${seconds} s.`;
      return { outcome: 'failed', code: 'DEADLINE_EXCEEDED', message };
    } catch (thrown) {
      return { outcome: 'failed', code: 'ENROLMENT_ENDED', message: toError(thrown).message };
    } finally {
      ending.abort();
    }
  }
}

/** The scheduler whose hosts are meant: the first that the order was given to. */
function shareOf({ schedulers, ...order }: OrderPayload): OrderScheduler {
  const id = order.home_scheduler_id ?? order.scheduler_id;
  const named = schedulers.find((scheduler) => scheduler.id === id);
  return named ?? { id, hostname: '', ip: '', port: 0 };
}
