import { parseCopyId, parseTaskId, type CopyId } from '@pondhawk/core';
import {
  HostCopies,
  PURGE_RULES,
  chainHash,
  type LogState,
  type PurgeRules,
} from '@pondhawk/purge';
import { migrate, openDatabase, type SqliteDatabase } from '@pondhawk/storage';
import { makeTempDir, type TempDir } from '@pondhawk/testing';
import fc from 'fast-check';
import { join } from 'node:path';
import { SqliteCopies, type Copy } from '../src/copies/index.js';
import { PEER_MIGRATIONS } from '../src/migrations/index.js';
import { SqlitePurges } from '../src/purge-log/index.js';

const RUNS = 300;
const TASKS = ['a', 'b', 'c'].map((digit) => parseTaskId(digit.repeat(64)));

type Step =
  | { readonly kind: 'begin' | 'complete' | 'purge'; readonly task: number }
  | { readonly kind: 'follow'; readonly epoch: number; readonly head: number };

const task = fc.nat({ max: TASKS.length - 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('begin' as const), task }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('complete' as const), task }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('purge' as const), task }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('follow' as const),
        ...{ epoch: fc.nat({ max: 1 }), head: fc.nat({ max: 20 }) },
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);

/**
 * The rows of a host are moved by SQL, what the simulation proves is `HostCopies`: they have to do the same.
 */
describe('The rows of copies and of the purge log', () => {
  let folder: TempDir;
  let db: SqliteDatabase;
  let runs = 0;

  beforeAll(async () => {
    folder = await makeTempDir();
    db = openDatabase({ path: join(folder.path, 'peer.db') });
    migrate(db, PEER_MIGRATIONS);
    db.pragma('synchronous = OFF');
  });
  afterAll(async () => {
    db.close();
    await folder.remove();
  });

  /** Takes steps in both, comparing after each; undefined, or where they parted. */
  function firstDifference(all: readonly Step[], rules: PurgeRules): object | undefined {
    db.exec('DELETE FROM copies; DELETE FROM purge_results');
    db.exec(`UPDATE purge_log SET log_epoch = '', applied = 0, applied_hash = ''`);
    runs += 1;
    const real = { copies: new SqliteCopies(db), purges: new SqlitePurges(db) };
    const model = new HostCopies({ epoch: '', applied: 0 }, [], rules);
    for (const [index, step] of all.entries()) {
      take(step, { real, model, copyId: parseCopyId(`${runs * 100 + index}`.padStart(32, '0')) });
      const { epoch, applied } = real.purges.readPosition();
      const seen = { epoch, applied, copies: rowsOf(real.copies) };
      const meant = {
        ...model.place,
        copies: model.copies
          .map(({ copyId, state, filledAt }) => `${copyId} ${state} ${filledAt}`)
          .sort(),
      };
      if (JSON.stringify(seen) !== JSON.stringify(meant)) return { index, step, seen, meant };
    }
    return undefined;
  }

  const findFailure = (rules: PurgeRules) =>
    fc.check(
      fc.property(steps, (all) => firstDifference(all, rules) === undefined),
      { numRuns: RUNS, seed: 20_261_126 },
    );

  it('move as the rules say, whatever happens in whichever order', () => {
    const { failed, counterexample } = findFailure(PURGE_RULES);
    expect([
      failed,
      counterexample === null ? undefined : firstDifference(counterexample[0], PURGE_RULES),
    ]).toEqual([false, undefined]);
  });

  it.each<[string, Partial<PurgeRules>]>([
    [
      'copies begun right before a purge stay',
      {
        isPurgedBy: (copy, entry) => copy.taskId === entry.taskId && copy.filledAt + 1 < entry.seq,
      },
    ],
    [
      'fills are spared',
      {
        isPurgedBy: (copy, entry) =>
          copy.state !== 'filling' && PURGE_RULES.isPurgedBy(copy, entry),
      },
    ],
    ['every task goes', { isPurgedBy: (copy, entry) => copy.filledAt < entry.seq }],
    ['the place is that of the end', { filledAtOf: ({ atRow }) => atRow + 1 }],
    ['a purged copy becomes complete', { mayComplete: () => true }],
    ['another log spares fills', { isDroppedByReset: ({ state }) => state === 'complete' }],
  ])('would be found out if %s', (_name, weaker) => {
    expect(findFailure({ ...PURGE_RULES, ...weaker }).failed).toBe(true);
  });
});

interface Both {
  readonly real: { readonly copies: SqliteCopies; readonly purges: SqlitePurges };
  readonly model: HostCopies;
  /** Of a copy that this step begins. */
  readonly copyId: CopyId;
}

function take(step: Step, { real, model, copyId }: Both): void {
  const { epoch, applied, hash } = real.purges.readPosition();
  if (step.kind === 'follow') {
    const log = aLog(step);
    if (PURGE_RULES.mustDropAll({ epoch, applied }, log)) real.purges.adopt(log);
    model.follow(log);
    return;
  }
  const taskId = TASKS[step.task]!;
  if (step.kind === 'begin') {
    const { logEpoch, seq } = real.copies.readLogPosition();
    // A task has one fill at a time.
    if (real.copies.insert(aCopy({ copyId, taskId, logEpoch, filledAt: seq }))) {
      model.begin(copyId, taskId);
    }
  } else if (step.kind === 'complete') {
    // The last that was begun, whatever became of it meanwhile.
    const last = model.copies.filter((copy) => copy.taskId === taskId).at(-1);
    if (last === undefined || last.state === 'complete') return;
    real.copies.complete(parseCopyId(last.copyId), { contentLength: 1, nowMs: 1 });
    model.complete(last.copyId);
  } else {
    const seq = applied + 1;
    const entry = { seq, taskId, chainHash: chainHash(hash, seq, taskId) };
    real.purges.apply([entry]);
    model.apply(epoch, [entry]);
  }
}

function rowsOf(copies: SqliteCopies): string[] {
  return TASKS.flatMap((taskId) => copies.listByTask(taskId))
    .map(({ copyId, state, filledAt }) => `${copyId} ${state} ${filledAt}`)
    .sort();
}

function aLog({ epoch, head }: { readonly epoch: number; readonly head: number }): LogState {
  // As after a truncation: nothing before the head is kept.
  return { epoch: `e${epoch}`, head, headHash: 'h', first: head + 1 };
}

function aCopy(facts: Pick<Copy, 'copyId' | 'taskId' | 'logEpoch' | 'filledAt'>): Copy {
  return {
    ...facts,
    ...{ url: 'http://origin/a', tag: '', application: '', filteredQueryParams: [] },
    ...{ digest: undefined, pieceLength: 4_194_304, contentLength: undefined },
    validator: { etag: '', lastModified: '' },
    ...{ state: 'filling', createdAtMs: 1, updatedAtMs: 1, finishedAtMs: undefined },
  };
}
