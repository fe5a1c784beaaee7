import type { Request } from 'express';
import type { PageRequest } from '../ledger/index.js';
import { FILTER_LENGTH_MAX } from './query-parameters.js';

/** A client ignores the whole header from 2,000 characters on. */
export const LINK_LENGTH_MAX = 1_999;

/**
 * The `Link` header of a list: four relative entries in the order and form that Dragonfly's manager
 * writes (`rel` without quotes), from which its console reads the number of pages.
 *
 * With no rows `last` is page 0 and `next` page 2, as there.
 */
export function linkHeader(
  request: Pick<Request, 'path' | 'query'> & Partial<Pick<Request, 'originalUrl'>>,
  { page, perPage }: PageRequest,
  totalCount: number,
): string {
  // As the caller wrote it: what programs reach by another prefix is served under one.
  const path = request.originalUrl?.split('?')[0] ?? request.path;
  const last = Math.ceil(totalCount / perPage);
  const pages = {
    prev: Math.max(1, page - 1),
    next: page === last ? page : page + 1,
    first: 1,
    last,
  };
  const write = (filters: readonly (readonly [string, string])[]): string =>
    Object.entries(pages)
      .map(([rel, target]) => {
        const query = new URLSearchParams([
          ...filters.map(([key, value]): [string, string] => [key, value]),
          ['page', String(target)],
          ['per_page', String(perPage)],
        ]);
        return `<${path}?${query.toString()}>;rel=${rel}`;
      })
      .join(',');
  const full = write(filtersOf(request.query));
  // The page numbers matter more than the filters, which a client adds itself.
  return full.length <= LINK_LENGTH_MAX ? full : write([]);
}

function filtersOf(query: Request['query']): [string, string][] {
  return Object.entries(query).flatMap(([key, value]): [string, string][] =>
    key === 'access_token' ||
    key === 'page' ||
    key === 'per_page' ||
    typeof value !== 'string' ||
    value.length > FILTER_LENGTH_MAX
      ? []
      : [[key, value]],
  );
}
