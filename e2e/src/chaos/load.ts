/** What goes on in the cluster all the time: downloads, strangers at the piece ports, delete jobs. */

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deletion } from '@pondhawk/testing';
import type { ChaosCluster } from './chaos-cluster.js';
import { downloadThrough } from './local-reader.js';
import { PieceReader } from './piece-reader.js';
import { purge } from './purge-job.js';
import type { SeededRandom } from './random.js';
import type { Recorder } from './recorder.js';
import type { ContentFacts, StampedOrigin } from './stamped-origin.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const PIECE_BYTES = 4 * MIB;
/** One of them takes a third of a second to fetch, so that a purge often finds fills under way. */
const CONTENTS: Readonly<Record<string, ContentFacts>> = {
  '/small': { sizeBytes: 256 * KIB, pauseMs: 0 },
  '/middle': { sizeBytes: MIB, pauseMs: 0 },
  '/slow': { sizeBytes: MIB, pauseMs: 50 },
  '/two-pieces': { sizeBytes: PIECE_BYTES + 512 * KIB, pauseMs: 5 },
};
/** Read by slow readers alone. */
const BIG: Readonly<Record<string, ContentFacts>> = {
  '/big': { sizeBytes: 2 * PIECE_BYTES, pauseMs: 0 },
};
const STRANGERS = 2;
/** Workers and downloads at a time; more would be a leak. */
const LISTENERS_MAX = 40;
const NAP_MS = { download: 700, stranger: 200, purge: 1_000 } as const;

/** A content of the load. */
export interface LoadContent {
  readonly path: string;
  readonly index: number;
  readonly url: string;
  readonly pieces: number;
  /** Known once some host has named it. */
  taskId: string | undefined;
}

/** Somebody else who answers at a piece port. */
export interface ExtraParent {
  readonly name: string;
  readonly port: number;
}

/** What a load works with. */
export interface LoadParts {
  readonly cluster: ChaosCluster;
  readonly origin: StampedOrigin;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  readonly extraParents: readonly ExtraParent[];
}

/** Made once a run; works from `start` to `stop`, each cycle. */
export class Load {
  /** Of the load and of faults. */
  readonly contents: readonly LoadContent[];
  readonly big: LoadContent;
  /** All jobs whose end was seen. */
  readonly deletions: Deletion[] = [];
  private stopping = new AbortController();
  private workers: Promise<void>[] = [];
  private failure: unknown;

  constructor(private readonly parts: LoadParts) {
    const [big, ...contents] = Object.entries({ ...BIG, ...CONTENTS }).map(([path, facts]) =>
      this.add(path, facts),
    );
    if (big === undefined) throw new RangeError('There is no content.');
    this.big = big;
    this.contents = contents;
  }

  /** Begins to work. */
  start(): void {
    const { cluster } = this.parts;
    this.stopping = new AbortController();
    setMaxListeners(LISTENERS_MAX, this.stopping.signal);
    this.workers = [
      ...cluster.hosts.map((host) =>
        this.repeat(NAP_MS.download, async () => this.download(host, this.any())),
      ),
      ...Array.from({ length: STRANGERS }, () =>
        this.repeat(NAP_MS.stranger, async () => this.askAsStranger(this.anyParent(), this.any())),
      ),
      this.repeat(NAP_MS.purge, async () => this.purge(this.any())),
    ];
  }

  /** Ends what it has begun. @throws what a worker failed by. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.workers);
    if (this.failure !== undefined) throw this.failure as Error;
  }

  /** One of the ordinary contents. */
  any(): LoadContent {
    return this.parts.random.pick(this.contents);
  }

  /** Downloads at a host; gives the bytes that came, whole or not. */
  async download(host: string, content: LoadContent): Promise<{ isWhole: boolean }> {
    const { cluster, recorder } = this.parts;
    const { taskId, error } = await downloadThrough(
      {
        host,
        socketPath: cluster.socketOf(host),
        url: content.url,
        content,
        signal: this.stopping.signal,
      },
      recorder,
    );
    content.taskId ??= taskId;
    return { isWhole: error === undefined };
  }

  /** Opens a piece of a host for reading; undefined while nobody knows the task's name. */
  openPiece(
    { name: host, port }: ExtraParent,
    content: LoadContent,
    { takesBytes, ...piece }: { pieceNumber: number; times?: number; takesBytes?: number },
  ): PieceReader | undefined {
    const { taskId } = content;
    if (taskId === undefined) return undefined;
    const question = { host, port, taskId, content, ...piece };
    return new PieceReader(question, this.parts.recorder, takesBytes);
  }

  /** Asks for one piece as somebody who is no peer. */
  async askAsStranger(parent: ExtraParent, content: LoadContent): Promise<void> {
    const pieceNumber = Math.floor(this.parts.random.between(0, content.pieces));
    await this.openPiece(parent, content, { pieceNumber })?.ended;
  }

  /** Deletes a content everywhere; gives the job's end, or undefined if the job was not accepted. */
  async purge(content: LoadContent): Promise<Deletion | undefined> {
    const { cluster, recorder } = this.parts;
    const deletion = await purge(cluster, recorder, content);
    if (deletion !== undefined) this.deletions.push(deletion);
    return deletion;
  }

  /** A host as somebody at whose piece port one can ask. */
  parentOf(host: string): ExtraParent {
    return { name: host, port: this.parts.cluster.piecesPortOf(host) };
  }

  private anyParent(): ExtraParent {
    const { cluster, extraParents, random } = this.parts;
    return random.pick([...cluster.hosts.map((host) => this.parentOf(host)), ...extraParents]);
  }

  private add(path: string, facts: ContentFacts): LoadContent {
    const { origin } = this.parts;
    const pieces = Math.ceil(facts.sizeBytes / PIECE_BYTES);
    return {
      path,
      index: origin.add(path, facts),
      url: origin.url(path),
      pieces,
      taskId: undefined,
    };
  }

  private async repeat(napMs: number, work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted && this.failure === undefined) {
      try {
        await work();
      } catch (error) {
        this.failure = error;
      }
      const nap = sleep(this.parts.random.between(0, napMs), undefined, { signal });
      await nap.catch(() => undefined); // It is woken by the end.
    }
  }
}
