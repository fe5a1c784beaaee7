import type { Response } from 'express';
import { HEARTBEAT, PREAMBLE } from './event-text.js';

/** A silent stream says this often that it lives, so that proxies keep it and a dead client is noticed. */
export const HEARTBEAT_INTERVAL_MS = 15_000;
/** A client whose connection takes nothing more for so long is cut off; it can come back where it was. */
export const SLOW_CLIENT_TIMEOUT_MS = 30_000;

/** How a sink ended. */
export type SinkEnd = 'gone' | 'slow';

/**
 * The answer to one client that follows events. *Open* from construction; *closed* when the client
 * has gone, was too slow, or `end` was called. What is written is bounded by whoever writes: `write`
 * resolves only when the connection takes more.
 */
export class EventSink {
  private isOpen = true;
  private isFull = false; // The connection takes nothing for now.
  private readonly heartbeat: NodeJS.Timeout;

  /** @param onClosed told once, however it ends. */
  constructor(
    private readonly response: Response,
    private readonly onClosed: (end: SinkEnd) => void,
    private readonly slowTimeoutMs = SLOW_CLIENT_TIMEOUT_MS,
  ) {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'X-Accel-Buffering': 'no',
    });
    response.once('close', () => this.close('gone'));
    response.write(PREAMBLE);
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_INTERVAL_MS);
    // The client may have gone before anybody listened for it.
    if (response.destroyed) queueMicrotask(() => this.close('gone'));
  }

  /** Whether it takes events. */
  get isWritable(): boolean {
    return this.isOpen;
  }

  /** Sends; resolves when more may be sent, or it is closed. */
  async write(text: string): Promise<void> {
    if (!this.isOpen || this.response.write(text)) return;
    this.isFull = true;
    const isDrained = await this.drained();
    this.isFull = false;
    if (!isDrained) {
      this.close('slow');
      this.response.destroy();
    }
  }

  /** Ends the answer in order. */
  end(lastText = ''): void {
    if (!this.isOpen) return;
    if (lastText !== '') this.response.write(lastText);
    this.response.end();
    this.close('gone');
  }

  /** Cuts the connection: the client is to come back. */
  cut(): void {
    this.close('gone');
    this.response.destroy();
  }

  private beat(): void {
    if (!this.isFull) this.response.write(HEARTBEAT);
  }

  private drained(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), this.slowTimeoutMs);
      const onEnd = (): void => settle(true);
      const settle = (isDrained: boolean): void => {
        clearTimeout(timer);
        this.response.off('drain', onEnd);
        this.response.off('close', onEnd);
        resolve(isDrained);
      };
      this.response.once('drain', onEnd);
      this.response.once('close', onEnd);
    });
  }

  private close(end: SinkEnd): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    clearInterval(this.heartbeat);
    this.onClosed(end);
  }
}
