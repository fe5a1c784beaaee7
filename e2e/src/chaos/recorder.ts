/** Writes the history of a run down: who was asked, what arrived, what was out of the daemons' hands. */

import { readFileSync } from 'node:fs';
import { SocketTable, type Answer, type Serve } from '@pondhawk/testing';
import { StampReader } from './stamps.js';

/** One write of a daemon, with its packet's header: what a stopped process may have handed over in part. */
const UNIT_BYTES = 256 * 1024 + 64;
/** What HTTP/2 and gRPC of this process may hold of a call: a message that is not whole, and one not taken. */
const CALL_BUFFER_BYTES = 2 * UNIT_BYTES;
const UNIX_SOCKET_BYTES = Number(readFileSync('/proc/sys/net/core/wmem_default', 'utf8'));

/** An answer that is awaited or comes in. */
export interface OpenAnswer {
  readonly facts: Answer;
  /** Notes bytes that have just arrived, from this place of the content on. */
  readonly arrived: (bytes: Buffer, startByte: number) => void;
  readonly close: () => void;
}

/** Whom a question goes to, and where the connection can be found in the kernel's table. */
export interface Question extends Pick<Answer, 'host' | 'content' | 'way'> {
  readonly contentIndex: number;
  readonly ports?: () => { readonly serverPort: number; readonly clientPort: number };
}

/** Lives as long as the run. */
export class Recorder {
  /** Bytes that were no content of the origin, or were mixed of two versions. */
  readonly broken: string[] = [];
  /** Questions to which not one byte came. */
  refusals = 0;
  /** How reads by slow readers ended, by kind. */
  readonly slowReaders = new Map<string, number>();
  private serves: Serve[] = [];
  private answers = 0;
  private readonly open = new Map<Answer, Question['ports']>();
  private readonly wasStopped = new WeakSet<Answer>();
  private readonly stopped = new Set<string>();

  /** Begins an answer; to be called just before the question goes out. */
  ask({ contentIndex, ports, ...about }: Question): OpenAnswer {
    this.answers += 1;
    const facts: Answer = { ...about, id: this.answers, askedAtMs: performance.now() };
    const stamps = new StampReader(contentIndex);
    let last: Serve | undefined;
    this.open.set(facts, ports);
    if (this.stopped.has(facts.host)) this.wasStopped.add(facts);
    return {
      facts,
      arrived: (bytes, startByte) => {
        const atMs = performance.now();
        for (const run of stamps.read(bytes, startByte)) {
          const isNext = last?.endByte === run.startByte;
          if (isNext && last?.version !== run.version) this.mixed(facts);
          last = { answer: facts, ...run, atMs };
          this.serves.push(last);
        }
      },
      close: () => {
        if (last === undefined) this.refusals += 1;
        this.open.delete(facts);
      },
    };
  }

  /** Notes something that must not be, besides purged bytes. */
  fault(what: string): void {
    this.broken.push(what);
  }

  /** Notes how the read of a slow reader ended. */
  noteSlowReader(end: string): void {
    this.slowReaders.set(end, (this.slowReaders.get(end) ?? 0) + 1);
  }

  /** A host's process stands still from now on, with whatever it was about to hand to the kernel. */
  noteStopped(host: string): void {
    this.stopped.add(host);
    for (const answer of this.open.keys()) {
      if (answer.host === host) this.wasStopped.add(answer);
    }
  }

  /** It goes on. */
  noteContinued(host: string): void {
    this.stopped.delete(host);
  }

  /**
   * For each answer that is under way: bytes that its daemon has let go of and that have not arrived.
   * To be called in the turn in which the end of a deletion is seen.
   */
  heldNow(content: string): Map<number, number> {
    const underWay = [...this.open].filter(([answer]) => answer.content === content);
    const table = underWay.length === 0 ? undefined : SocketTable.read();
    return new Map(
      underWay.map(([answer, ports]) => {
        const unit = this.wasStopped.has(answer) ? UNIT_BYTES : 0;
        const kernel =
          ports === undefined
            ? UNIX_SOCKET_BYTES + CALL_BUFFER_BYTES
            : (table?.heldBytes(ports()) ?? 0);
        return [answer.id, kernel + unit];
      }),
    );
  }

  /** The serves since the last time this was asked. */
  takeServes(): Serve[] {
    const { serves } = this;
    this.serves = [];
    return serves;
  }

  private mixed({ host, content, way }: Answer): void {
    this.fault(`One answer of ${host} (${way}) for ${content} is of two versions.`);
  }
}
