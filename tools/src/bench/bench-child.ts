/** Processes of the bench's own: a parent asks, a child answers. */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { toError } from '@pondhawk/core';

interface Question {
  readonly id: number;
  readonly name: string;
  readonly value: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const STOP_GRACE_MS = 10_000;

/** A child process as its parent sees it; from the constructor to `stop`. It never outlives its parent. */
export class BenchChild {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>(); // By number of the question.
  private questionCount = 0;

  /** @param script name of the compiled file beside this one. */
  constructor(
    script: string,
    { env = {} }: { readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    this.child = fork(join(__dirname, script), { env: { ...process.env, ...env } });
    this.child.on('message', (message: Answer) => this.take(message));
    this.child.once('exit', (code) => {
      const error = new Error(`${script} ended with code ${code ?? 'none'}.`);
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  /** The process id; -1 if it could not be started. */
  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** @throws Error with what the child's handler threw, or when it has ended. */
  async ask<T = void>(name: string, value?: unknown): Promise<T> {
    this.questionCount += 1;
    const question: Question = { id: this.questionCount, name, value };
    return (await new Promise<unknown>((resolve, reject) => {
      this.waiting.set(question.id, { resolve, reject });
      this.child.send(question, (error) => {
        if (error !== null) reject(error);
      });
    })) as T;
  }

  /** Lets it end, and makes it after a while. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_GRACE_MS);
    if (this.child.connected) this.child.disconnect();
    await ended;
    clearTimeout(timer);
  }

  private take({ id, value, error }: Answer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}

/** What a child can be asked. */
export type ChildHandlers = Readonly<Record<string, (value: never) => unknown>>;

/** In the child: answers the parent until it hangs up, then runs `stop` and ends the process. */
export function answerParent(handlers: ChildHandlers, stop: () => Promise<void> | void): void {
  const answer = async ({ id, name, value }: Question): Promise<Answer> => {
    try {
      const handler = handlers[name];
      if (handler === undefined) throw new Error(`Nobody knows what "${name}" is.`);
      return { id, value: await handler(value as never) };
    } catch (thrown) {
      return { id, error: toError(thrown).stack ?? 'unknown' };
    }
  };
  process.on('message', (question: Question) => {
    // A parent that is gone needs no answer; `disconnect` ends this process.
    void answer(question).then((one) => process.send?.(one, () => undefined));
  });
  process.once('disconnect', () => {
    Promise.resolve(stop()).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  // The whole group is told of Ctrl-C; the parent decides when this one ends.
  process.on('SIGINT', () => undefined);
}
