import type { Page, PageRequest } from '../ledger/index.js';

/** One page of a list that is short enough to be read whole. */
export function pageOf<T>(all: readonly T[], { page, perPage }: PageRequest): Page<T> {
  const start = (page - 1) * perPage;
  return { items: all.slice(start, start + perPage), totalCount: all.length };
}
