import { WakeLoop } from '@pondhawk/core';
import type { EventPosition } from '../ledger/index.js';
import type { EventSink } from './event-sink.js';

/** One event, ready to be sent. */
export interface SendableEvent {
  readonly position: EventPosition;
  readonly text: string;
  /** The job's end: only what hosts did later can follow it. */
  readonly isEnd: boolean;
}

/** What a listener works with. */
export interface EventListenerParts {
  readonly sink: EventSink;
  /** What the client has already. */
  readonly from: EventPosition;
  /** Whether the job has ended, so that the stream ends with what there is. */
  readonly hasEnded: boolean;
  /** Events after a position, in order; empty when there is none yet. */
  readonly readAfter: (position: EventPosition) => Promise<readonly SendableEvent[]>;
  /** The events cannot be read. */
  readonly onFailure: (thrown: unknown) => void;
}

/**
 * Brings one client the events of one job. Woken after each commit that concerns the job, it reads
 * what the client lacks and sends it, a page at a time: a client that reads slowly holds one page and
 * what its connection buffers, however much happens meanwhile.
 */
export class EventListener {
  private position: EventPosition;
  private hasEnded: boolean; // Nothing is to be waited for: the stream ends once all is sent.
  private readonly sending = new WakeLoop(() => this.send());

  constructor(private readonly parts: EventListenerParts) {
    this.position = parts.from;
    this.hasEnded = parts.hasEnded;
  }

  /** Says that there may be events. */
  wake(): void {
    this.sending.wake();
  }

  private async send(): Promise<void> {
    const { sink, readAfter, onFailure } = this.parts;
    try {
      while (sink.isWritable) {
        const events = await readAfter(this.position);
        if (events.length === 0) {
          if (this.hasEnded) sink.end();
          return;
        }
        await this.sendAll(events);
      }
    } catch (thrown) {
      onFailure(thrown);
      sink.cut();
    }
  }

  private async sendAll(events: readonly SendableEvent[]): Promise<void> {
    const { sink } = this.parts;
    for (const { position, text, isEnd } of events) {
      await sink.write(text);
      if (!sink.isWritable) return;
      this.position = position;
      this.hasEnded ||= isEnd;
    }
  }
}
