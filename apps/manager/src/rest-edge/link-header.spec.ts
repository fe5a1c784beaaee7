import { LINK_LENGTH_MAX, linkHeader } from './link-header.js';

const request = (query: Record<string, string> = {}): Parameters<typeof linkHeader>[0] => ({
  path: '/api/v1/jobs',
  query,
});
const pagesOf = (header: string): string[] =>
  [...header.matchAll(/[?&]page=(\d+)[^>]*>;rel=(\w+)/g)].map(
    ([, page, rel]) => `${rel ?? ''} ${page ?? ''}`,
  );

describe('linkHeader', () => {
  it.each([
    [1, 0, ['prev 1', 'next 2', 'first 1', 'last 0']],
    [1, 10, ['prev 1', 'next 1', 'first 1', 'last 1']],
    [2, 25, ['prev 1', 'next 3', 'first 1', 'last 3']],
    [3, 25, ['prev 2', 'next 3', 'first 1', 'last 3']],
  ])('on page %i of %i rows names prev, next, first and last', (page, totalCount, wanted) => {
    expect(pagesOf(linkHeader(request(), { page, perPage: 10 }, totalCount))).toEqual(wanted);
  });

  it('keeps the filters, relative to the path', () => {
    const header = linkHeader(request({ type: 'delete_task' }), { page: 1, perPage: 5 }, 1);
    expect(header.split(',')[0]).toBe('</api/v1/jobs?type=delete_task&page=1&per_page=5>;rel=prev');
  });

  it('drops filters rather than grow beyond what clients read', () => {
    const long = Object.fromEntries(['a', 'b', 'c', 'd'].map((key) => [key, 'x'.repeat(200)]));
    const header = linkHeader(request(long), { page: 1, perPage: 5 }, 1);
    expect(header.length).toBeLessThanOrEqual(LINK_LENGTH_MAX);
    expect(pagesOf(header)).toHaveLength(4);
  });
});
