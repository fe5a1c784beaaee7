import {
  LISTED_BYTES_MAX,
  LISTED_COPIES_MAX,
  LISTED_TASK_IDS_MAX,
  pondhawkV1,
} from '@pondhawk/contracts';
import { parseCopyId, parseTaskId } from '@pondhawk/core';
import type { Copy, SqliteCopies } from '../copies/index.js';
import { answerQuestion } from './question-answers.js';

const URL_LENGTH = 2_000;
const TOTAL = LISTED_COPIES_MAX + 500;

function aCopy(index: number, urlLength: number): Copy {
  const hex = index.toString(16);
  return {
    taskId: parseTaskId(hex.padStart(64, '0')),
    copyId: parseCopyId(hex.padStart(32, '0')),
    url: 'u'.repeat(urlLength),
    ...{ tag: '', application: '', filteredQueryParams: [], digest: undefined },
    ...{ pieceLength: 4, contentLength: 9, validator: { etag: '', lastModified: '' } },
    ...{ logEpoch: '0'.repeat(32), filledAt: 0, state: 'complete' },
    ...{ createdAtMs: 1, updatedAtMs: 1, finishedAtMs: 1 },
  };
}

function rowsWith(
  urlLength: number,
): Pick<SqliteCopies, 'findByTask' | 'listComplete' | 'storedBytes'> {
  const copies = Array.from({ length: TOTAL }, (_, index) => aCopy(index, urlLength));
  return {
    findByTask: () => {
      throw new Error('the disk is gone');
    },
    listComplete: (limit) => ({ copies: copies.slice(0, limit), totalCount: TOTAL }),
    storedBytes: () => 0,
  };
}

describe('answerQuestion', () => {
  const list = (urlLength: number): pondhawkV1.SyncAnswer =>
    answerQuestion(rowsWith(urlLength), {
      id: 1n,
      question: { $case: 'listTasks', value: { taskIds: [] } },
    });

  it('lists so many copies at most, and says how many there are', () => {
    const { copies, totalCount } = list(10);
    expect([copies.length, Number(totalCount)]).toEqual([LISTED_COPIES_MAX, TOTAL]);
  });

  it('lists fewer when they are long, so that the answer keeps its bytes', () => {
    const answer = list(URL_LENGTH);
    const bytes = pondhawkV1.SyncAnswer.encode(answer).finish().length;
    // As many as fit, not merely some.
    expect(bytes).toBeLessThan(LISTED_BYTES_MAX * 1.02);
    expect(bytes).toBeGreaterThan(LISTED_BYTES_MAX * 0.95);
    expect(Number(answer.totalCount)).toBe(TOTAL);
  });

  it('lists of the tasks that are named those that are complete here, each once', () => {
    const here = [3, 1].map((index) => aCopy(index, 10));
    const rows = {
      ...rowsWith(10),
      findByTask: (taskId: string, state: string) =>
        here.find((copy) => copy.taskId === taskId && copy.state === state),
    };
    const taskIds = [3, 2, 1, 3].map((index) => Buffer.from(aCopy(index, 0).taskId, 'hex'));
    const ask = (ids: Buffer[]): pondhawkV1.SyncAnswer =>
      answerQuestion(rows, { id: 1n, question: { $case: 'listTasks', value: { taskIds: ids } } });
    const { copies, totalCount } = ask(taskIds);
    expect(copies.map((copy) => copy.taskId.at(-1))).toEqual(['1', '3']);
    expect(totalCount).toBe(2n);
    const many = Array<Buffer>(LISTED_TASK_IDS_MAX).fill(taskIds[0]!);
    expect([ask(many).code, ask([...many, taskIds[0]!]).code]).toEqual(['', 'TOO_MANY_TASKS']);
    expect(ask([Buffer.alloc(3)]).code).toBe('INVALID_TASK_ID');
  });

  it('says what went wrong instead of leaving the question open', () => {
    const question = { $case: 'getTask', value: 'a'.repeat(64) } as const;
    expect(answerQuestion(rowsWith(10), { id: 2n, question })).toMatchObject({
      ...{ id: 2n, copies: [], code: 'INTERNAL', message: 'the disk is gone' },
    });
  });
});
