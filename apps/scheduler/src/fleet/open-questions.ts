import type { pondhawkV1 } from '@pondhawk/contracts';
import { UnavailableError } from '@pondhawk/core';

/** Most questions of one host that wait for an answer; more are refused. */
export const QUESTIONS_OPEN_MAX = 1_000;

type Question = NonNullable<pondhawkV1.SyncQuestion['question']>;

interface Waiter {
  readonly resolve: (answer: pondhawkV1.SyncAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Questions on one host's stream: each has a number of its own, and its answer names it. */
export class OpenQuestions {
  private readonly waiters = new Map<bigint, Waiter>();
  private newest = 0n;
  private endText: string | undefined; // Set once the stream has ended.

  constructor(private readonly send: (question: pondhawkV1.SyncQuestion) => void) {}

  /**
   * Asks, and waits for the answer.
   *
   * @throws UnavailableError (`HOST_CONNECTION_LOST`) when the stream ends before; (`HOST_UNREACHABLE`)
   *   after `timeoutMs`; (`HOST_BUSY`) when too many wait.
   */
  async ask(question: Question, timeoutMs: number): Promise<pondhawkV1.SyncAnswer> {
    if (this.endText !== undefined) throw lost(this.endText);
    if (this.waiters.size >= QUESTIONS_OPEN_MAX) {
      throw new UnavailableError('HOST_BUSY', 'Too many questions wait for this host.');
    }
    this.newest += 1n;
    const id = this.newest;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(() => {
          const text = `The host has not answered within ${Math.ceil(timeoutMs)} ms.`;
          reject(new UnavailableError('HOST_UNREACHABLE', text));
        }, timeoutMs);
        this.waiters.set(id, { resolve, reject });
        this.send({ id, question });
      });
    } finally {
      clearTimeout(timer);
      this.waiters.delete(id);
    }
  }

  /** Takes an answer; one for which nobody waits is late, and dropped. */
  take(answer: pondhawkV1.SyncAnswer): void {
    this.waiters.get(answer.id)?.resolve(answer);
  }

  /** The stream has ended: whoever waits is told. */
  end(text: string): void {
    this.endText = text;
    for (const { reject } of this.waiters.values()) reject(lost(text));
  }
}

function lost(text: string): UnavailableError {
  return new UnavailableError('HOST_CONNECTION_LOST', text);
}
