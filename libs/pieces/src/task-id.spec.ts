import {
  DEFAULT_FILTERED_QUERY_PARAMS,
  filterUrl,
  taskIdOfContent,
  taskIdOfUrl,
} from './task-id.js';

describe('taskIdOfUrl', () => {
  const url = 'https://example.com';

  it.each([
    [{ url }, '457b4328cde278e422c9e243f7bfd1e97f511fec43a80f535cf6b0ef6b086776'],
    [{ url, tag: 'foo' }, '3c3f230ef9f191dd2821510346a7bc138e4894bee9aee184ba250a3040701d2a'],
    [
      { url, application: 'bar' },
      'c9f9261b7305c24371244f9f149f5d4589ed601348fdf22d7f6f4b10658fdba2',
    ],
    [
      { url, tag: 'foo', application: 'bar' },
      '06408fbf247ddaca478f8cb9565fe5591c28efd0994b8fea80a6a87d3203c5ca',
    ],
    [
      { url, pieceLengthBytes: 1024 },
      '9f7c9aafbc6f30f8f41a96ca77eeae80c5b60964b3034b0ee43ccf7b2f9e52b8',
    ],
    [{ url, revision: 'v1.0' }, 'b171331534b80e0bf91da38ebbfcdbf4d177898f4b9beac44f14733e3f004d4e'],
    [
      { url, tag: 'foo', application: 'bar', revision: 'v1.0', pieceLengthBytes: 1024 },
      '5844f27a257287e9b734256bb25603d8005422ced8c0377f15063ec11963b25f',
    ],
  ])('gives the name that other daemons give: %j', (facts, expected) => {
    expect(taskIdOfUrl(facts)).toBe(expected);
  });

  it('treats empty strings as absent', () => {
    expect(taskIdOfUrl({ url, tag: '', application: '', filteredQueryParams: [] })).toBe(
      taskIdOfUrl({ url }),
    );
  });

  it('gives a signed URL the name of the unsigned one', () => {
    const signed = `${url}/a?x=1&X-Amz-Signature=abc&Expires=9`;
    expect(taskIdOfUrl({ url: signed })).toBe(taskIdOfUrl({ url: `${url}/a?x=1` }));
  });

  it.each([
    '',
    'example.com/a',
    '/a',
    'ftp://example.com/a',
    'http://',
    `https://e.com/${'a'.repeat(8_200)}`,
  ])('refuses %s and names the field', (bad) => {
    expect(() => taskIdOfUrl({ url: bad })).toThrow(/^url /);
  });
});

describe('filterUrl', () => {
  it('keeps the order of what remains and encodes it anew', () => {
    expect(filterUrl('https://e.com/a?b=2&a=1 1&ns=x')).toBe('https://e.com/a?b=2&a=1+1');
  });

  it('drops the question mark when nothing remains', () => {
    expect(filterUrl('https://e.com/a?ns=x')).toBe('https://e.com/a');
  });

  it('trims the slash of a bare root only', () => {
    expect(filterUrl('https://e.com/')).toBe('https://e.com');
    expect(filterUrl('https://e.com/a/')).toBe('https://e.com/a/');
  });

  it('uses the given list instead of the default one', () => {
    expect(filterUrl('https://e.com/a?ns=x&y=1', ['y'])).toBe('https://e.com/a?ns=x');
  });
});

describe('DEFAULT_FILTERED_QUERY_PARAMS', () => {
  it('names each key once', () => {
    expect(new Set(DEFAULT_FILTERED_QUERY_PARAMS).size).toBe(DEFAULT_FILTERED_QUERY_PARAMS.length);
  });
});

describe('taskIdOfContent', () => {
  it('is the sha256 of the text', () => {
    expect(taskIdOfContent('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
