import { assert } from '@pondhawk/core';

/**
 * Splits a job's parallelism over the schedulers of a cluster, so that together they never have
 * more calls open than asked for; what does not divide goes to the first. With more schedulers than
 * parallelism each gets 1, because a scheduler with none could not work at all.
 *
 * @returns one share a scheduler, each at least 1.
 */
export function splitParallelism(parallelism: number, schedulerCount: number): number[] {
  assert(schedulerCount > 0, 'Parallelism is split over at least one scheduler.');
  const share = Math.max(1, Math.floor(parallelism / schedulerCount));
  const rest = Math.max(0, parallelism - share * schedulerCount);
  return Array.from({ length: schedulerCount }, (_, index) => share + (index === 0 ? rest : 0));
}
