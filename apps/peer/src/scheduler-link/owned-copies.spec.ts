import { chooseByRendezvous } from '@pondhawk/core';
import { COPY_PAGE_MAX, type Copy } from '../copies/index.js';
import { findNewlyOwned, isOwner } from './owned-copies.js';

const taskOf = (index: number) => index.toString(16).padStart(64, '0');
const COPIES = Array.from({ length: 2 * COPY_PAGE_MAX + 3 }, (_, index) => ({
  copyId: taskOf(index).slice(32),
  taskId: taskOf(index),
  state: index % 10 === 9 ? 'filling' : 'complete',
})) as unknown as Copy[];

const copies = {
  listPage: (after: string) =>
    COPIES.filter(({ copyId }) => copyId > after).slice(0, COPY_PAGE_MAX),
};

function toldTo(schedulerId: number, now: number[], before?: number[]): string[] {
  return [...findNewlyOwned(copies, schedulerId, { now, before })]
    .flat()
    .map(({ taskId }) => taskId);
}

describe('findNewlyOwned', () => {
  it('gives each complete copy to exactly one scheduler, the owner of its task', () => {
    const complete = COPIES.filter(({ state }) => state === 'complete');
    const told = [1, 2, 3].map((id) => toldTo(id, [1, 2, 3]));
    expect(told.flat().sort()).toEqual(complete.map(({ taskId }) => taskId).sort());
    for (const [index, tasks] of told.entries()) {
      expect(tasks.length).toBeGreaterThan(complete.length / 5);
      const owner = chooseByRendezvous([{ id: 1 }, { id: 2 }, { id: 3 }], tasks[0] ?? '').id;
      expect(owner).toBe(index + 1);
    }
  });

  it('tells those who stay only what they took over from one that went', () => {
    const lost = toldTo(3, [1, 2, 3]);
    const taken = [1, 2].map((id) => toldTo(id, [1, 2], [1, 2, 3]));
    expect(taken.flat().sort()).toEqual(lost.sort());
    expect(toldTo(1, [1, 2], [1, 2])).toEqual([]);
  });

  it('gives nothing to one that is no scheduler of the cluster any more', () => {
    expect(toldTo(9, [1, 2])).toEqual([]);
    expect(isOwner([1, 2], 9, taskOf(1) as never)).toBe(false);
  });
});
