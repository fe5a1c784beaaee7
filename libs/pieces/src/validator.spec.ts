import { isUnknownVersion, mayBeSameVersion } from './validator.js';

const known = { etag: '"1"', lastModified: 'Mon, 01 Jan 2024 00:00:00 GMT', contentLength: 10 };
const nothing = { etag: '', lastModified: '', contentLength: undefined };

describe('mayBeSameVersion', () => {
  it('takes what only one side names as no difference', () => {
    expect(mayBeSameVersion(known, nothing)).toBe(true);
    expect(mayBeSameVersion(known, { ...known, etag: '' })).toBe(true);
  });

  it.each([
    { etag: '"2"' },
    { lastModified: 'Tue, 02 Jan 2024 00:00:00 GMT' },
    { contentLength: 11 },
  ])('tells versions apart by %j', (change) => {
    expect(mayBeSameVersion(known, { ...known, ...change })).toBe(false);
  });
});

describe('isUnknownVersion', () => {
  it('is true only where nothing is named', () => {
    expect(isUnknownVersion(nothing)).toBe(true);
    expect(isUnknownVersion({ ...nothing, contentLength: 0 })).toBe(false);
  });
});
