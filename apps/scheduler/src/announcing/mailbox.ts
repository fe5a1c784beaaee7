/** Most messages that wait for a slow reader; it is cut off beyond that. */
export const MAILBOX_MESSAGES_MAX = 10_000;

/**
 * Messages on their way to one reader. Open from the start; after `close` what is left is still
 * read, then the loop ends. A reader that leaves the loop closes it.
 */
export class Mailbox<T> implements AsyncIterable<T> {
  private readonly messages: T[] = [];
  private isClosed = false;
  private failure: Error | undefined;
  private wake: (() => void) | undefined; // Set while the reader waits.

  /** Puts a message in; nothing happens once it is closed. */
  post(message: T): void {
    if (this.isClosed) return;
    if (this.messages.length >= MAILBOX_MESSAGES_MAX) {
      this.close(new Error('The reader is too slow.'));
      return;
    }
    this.messages.push(message);
    this.wake?.();
  }

  /** Says that nothing follows; with an error, the reader's loop throws it. */
  close(failure?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.failure = failure;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const message = this.messages.shift();
        if (message !== undefined) yield message;
        else if (this.isClosed) break;
        else await new Promise<void>((resolve) => (this.wake = resolve));
        this.wake = undefined;
      }
      if (this.failure !== undefined) throw this.failure;
    } finally {
      this.isClosed = true;
    }
  }
}
