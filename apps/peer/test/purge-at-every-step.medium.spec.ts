import { readdirSync } from 'node:fs';
import { dfdaemonV2 } from '@pondhawk/contracts';
import { toError, type TaskId } from '@pondhawk/core';
import { chainHash } from '@pondhawk/purge';
import { type AnswerGuard, Metadata } from '@pondhawk/rpc';
import { DownloadService } from '../src/download-service/index.js';
import { Admission, BlockLists } from '../src/scheduler-link/index.js';
import { AsyncSteps } from './async-steps.js';
import {
  closers,
  content as parentContent,
  honest,
  normal,
  parent,
  scheduler,
} from './fake-swarm.js';
import { type FillFixture, openFills, passThroughOf, rangesOf } from './fill-fixture.js';
import { PIECE_BYTES, contentOf, newCopy, slicesOf } from './store-fixture.js';
import { TestGate } from './test-gate.js';

const EPOCH = 'e1'.repeat(16);
const small = contentOf(PIECE_BYTES + 100);
/** Steps that each of these downloads surely takes: fewer would mean that they are not counted. */
const STEPS_MIN = 50;
/** A download has ended, one way or the other, well before. */
const STEPS_MAX = 5_000;
/** Downloads at a time, each of its own task. */
const AT_ONCE = 8;
const TIMEOUT_MS = 240_000;
/** With parents most steps are chunks of the content and messages, which are alike. */
const PARENT_STRIDE = 37;
/** What a caller may be told. */
const CLEAR = [
  'whole',
  'COPY_PURGED: The copy was deleted.',
  'FILL_ABORTED: The fill was ended: the copy was deleted.',
];

type Prepare = (taskId: TaskId) => Promise<void>;

describe('A purge at every step of a download', () => {
  let content = small;
  let fills: FillFixture;
  let service: DownloadService;
  let hash = '';
  let applied = 0;

  async function open(ofContent: Buffer, schedulers: readonly string[] = []): Promise<void> {
    content = ofContent;
    fills = await openFills(schedulers);
    fills.serve(rangesOf(content));
    [hash, applied] = ['', 0];
    const { purges, copies } = fills.store;
    purges.adopt({ epoch: EPOCH, first: 1, head: 0, headHash: '' });
    service = new DownloadService({
      copies,
      fills: fills.engine,
      hostId: 'me',
      admission: new Admission(),
      blocks: new BlockLists(),
      discard: () => Promise.resolve(),
      gate: new TestGate(),
      passThrough: passThroughOf(fills, new TestGate()),
    });
  }

  afterEach(async () => {
    await fills.dispose();
    await Promise.all(closers.splice(0).map((close) => close()));
  }, 30_000);

  /** What a caller gets: `whole`, how much was missing, or the error that he is told. */
  async function download(url: string): Promise<string> {
    const bytes: Buffer[] = [];
    let guard: AnswerGuard | undefined;
    const { message } = fills.spec({ url, needPieceContent: true });
    const responses = service.downloadTask(
      dfdaemonV2.DownloadTaskRequest.create({ download: message }),
      {
        metadata: new Metadata(),
        trailers: new Metadata(),
        deadlineMs: undefined,
        signal: new AbortController().signal,
        peer: 'test',
        sendMetadata: () => undefined,
        guardAnswers: (next) => (guard = next),
      },
    );
    try {
      for await (const { response } of responses) {
        if (response?.$case !== 'downloadPieceFinishedResponse') continue;
        guard?.check(); // As the listener does.
        bytes.push(response.value.piece?.content ?? Buffer.alloc(0));
      }
    } catch (error) {
      return `${String((error as { code?: string }).code)}: ${toError(error).message}`;
    }
    const got = Buffer.concat(bytes);
    return got.equals(content) ? 'whole' : `${got.length} bytes of ${content.length}`;
  }

  /** @returns the number of the purge, and how it ends. */
  function purge(taskId: TaskId): { seq: number; outcome: Promise<string> } {
    const seq = ++applied;
    hash = chainHash(hash, seq, taskId);
    const answer = fills.store.purges.take(EPOCH, [{ seq, taskId, chainHash: hash }]).get(seq);
    return { seq, outcome: answer!.then(({ outcome }) => outcome) };
  }

  /** What is on disk of a task, without the copies begun at or after a purge. */
  function leftOf(taskId: TaskId, seq: number): string[] {
    const { copies, paths } = fills.store;
    const rows = copies.listByTask(taskId);
    const newer = rows
      .filter(({ filledAt }) => filledAt >= seq)
      .map(({ copyId }): string => copyId);
    const older = rows
      .filter(({ filledAt }) => filledAt < seq)
      .map(({ copyId }) => `row ${copyId}`);
    const files = readdirSync(paths.task(taskId)).filter((name) => !newer.includes(name));
    return [...older, ...files];
  }

  /** Purges at one step of a download and asks again in that very moment. @returns whether there is such a step. */
  async function purgeAt(step: number, prepare: Prepare): Promise<boolean> {
    const url = `${fills.url}/${step}`;
    const { taskId } = fills.spec({ url });
    await prepare(taskId);
    let purged: ReturnType<typeof purge> | undefined;
    let behind: Promise<string> | undefined;
    const steps = new AsyncSteps(step, () => {
      purged = purge(taskId);
      behind = download(url);
    });
    const first = await steps.run(() => download(url));
    const outcome = await purged?.outcome;
    steps.stop();
    if (!CLEAR.includes(first)) throw new Error(`step ${step}: ${first}`);
    if (purged === undefined || behind === undefined) return false;
    const found = { step, outcome, behind: await behind, again: await download(url) };
    expect({ ...found, left: leftOf(taskId, purged.seq) }).toEqual({
      step,
      outcome: expect.stringMatching(/^(deleted|absent)$/) as string,
      behind: 'whole',
      again: 'whole',
      left: [],
    });
    return true;
  }

  /** Purges at every step, or at every `stride`th. @returns the number of steps. */
  async function purgeEverywhere(
    prepare: Prepare = () => Promise.resolve(),
    stride = 1,
  ): Promise<number> {
    for (let from = 1; from < STEPS_MAX; from += AT_ONCE * stride) {
      const steps = Array.from({ length: AT_ONCE }, (_, index) => from + index * stride);
      const were = await Promise.all(steps.map((step) => purgeAt(step, prepare)));
      // Steps differ a little from one download to the next, but none is far behind the last.
      if (!were.includes(true)) return from;
    }
    return STEPS_MAX;
  }

  function expectAllSeen(steps: number): void {
    expect(steps).toBeGreaterThan(STEPS_MIN);
    expect(steps).toBeLessThan(STEPS_MAX);
  }

  it(
    'from the origin leaves nothing, ends it in clear words, and not the one right behind',
    async () => {
      await open(small);
      expectAllSeen(await purgeEverywhere());
    },
    TIMEOUT_MS,
  );

  it(
    'from a parent leaves nothing, ends it in clear words, and not the one right behind',
    async () => {
      const one = await parent('one', honest);
      await open(parentContent, [(await scheduler(() => normal([one]))).address]);
      expectAllSeen(await purgeEverywhere(undefined, PARENT_STRIDE));
      expect(fills.requests).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'that takes up a fill of a former run leaves nothing of that either',
    async () => {
      await open(small);
      const [slice] = slicesOf(content);
      const prepare: Prepare = async (taskId) => {
        const fill = await fills.store.copies.beginFill(newCopy(taskId, content.length));
        const writer = fill.openPiece({
          ...slice!,
          length: slice!.bytes.length,
          originHostId: 'me',
        });
        await writer.write(slice!.bytes);
        await writer.finish();
        await fill.close();
      };
      expectAllSeen(await purgeEverywhere(prepare));
    },
    TIMEOUT_MS,
  );
});
