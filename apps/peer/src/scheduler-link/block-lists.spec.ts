import { BlockLists, settingsOf } from './block-lists.js';

const WHAT = { url: 'https://e.example/private/a', tag: 'nightly', application: 'builds' };
const lists = (task: unknown): BlockLists => {
  const blocks = new BlockLists();
  blocks.adopt(Buffer.from(JSON.stringify({ load_limit: 9, block_list: { task } })));
  return blocks;
};
const refusalOf = (blocks: BlockLists, what: object): unknown => {
  try {
    blocks.requireDownload({ ...WHAT, ...what });
    return undefined;
  } catch (thrown) {
    return (thrown as { details: { field: string } }).details.field;
  }
};

describe('BlockLists', () => {
  it.each([
    ['applications', 'builds', { application: 'other' }, 'application'],
    ['tags', 'nightly', { tag: 'nightlyish' }, 'tag'],
    ['urls', '^https://e\\.example/private/', { url: 'https://e.example/a' }, 'url'],
    ['priorities', '3', { priority: 4 }, 'priority'],
    ['priorities', 'LEVEL3', { priority: 4 }, 'priority'],
  ])('refuses downloads by %s "%s", and nothing besides', (name, entry, other, field) => {
    const blocks = lists({ download: { [name]: [entry] } });
    expect(refusalOf(blocks, { priority: 3 })).toBe(field);
    expect(refusalOf(blocks, { priority: 3, ...other })).toBeUndefined();
    expect(blocks.blocksUpload(WHAT)).toBe(false);
  });

  it('keeps uploads apart from downloads', () => {
    const blocks = lists({ upload: { tags: ['nightly'] } });
    expect(blocks.blocksUpload(WHAT)).toBe(true);
    expect(blocks.blocksUpload({ ...WHAT, tag: '' })).toBe(false);
    expect(refusalOf(blocks, {})).toBeUndefined();
  });

  it('forgets what is listed no more', () => {
    const blocks = lists({ download: { tags: ['nightly'] } });
    blocks.adopt(Buffer.from('{}'));
    expect(refusalOf(blocks, {})).toBeUndefined();
  });

  it.each([
    [null],
    [[]],
    ['x'],
    [{ download: 7 }],
    [{ download: { tags: 'nightly', urls: ['('] } }],
  ])('blocks nothing by settings that say nothing: %j', (task) => {
    expect(refusalOf(lists(task), {})).toBeUndefined();
  });

  it('never takes an empty entry for a task without a name', () => {
    const blocks = lists({ download: { tags: [''], urls: [''], applications: [''] } });
    expect(refusalOf(blocks, { tag: '', application: '' })).toBeUndefined();
  });

  it('are those of seeds on a seed', () => {
    const cluster = { clientConfig: Buffer.from('1'), seedClientConfig: Buffer.from('2') };
    expect(settingsOf(cluster as never, 'super')).toBe(cluster.seedClientConfig);
    expect(settingsOf(cluster as never, 'normal')).toBe(cluster.clientConfig);
  });
});
