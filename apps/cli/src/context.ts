/** What the commands need of the process. */

import type { Writable } from 'node:stream';

/** An output of the process; `isTTY` is true on a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean };

/** The process as commands see it; a test has its own. */
export interface CliContext {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C and SIGTERM: undo what is half done and end. */
  readonly signal: AbortSignal;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  /** Unix ms. */
  readonly wallMs: () => number;
  /** Asks a person for what must not be shown. */
  readonly askSecret: (question: string) => Promise<string>;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

/** Writes one line for people, as it is: parts that came from elsewhere have to be printable already. */
export function say(context: CliContext, line: string): void {
  context.stdout.write(`${line}\n`);
}

// What JSON.stringify leaves as it is and a terminal may act on.
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Writes the one JSON document of a command, free of what a terminal would act on. */
export function sayJson(context: CliContext, document: object): void {
  const json = JSON.stringify(document, undefined, 2).replace(
    UNSAFE_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  context.stdout.write(`${json}\n`);
}
