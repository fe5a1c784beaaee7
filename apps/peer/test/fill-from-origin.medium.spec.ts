import { createHash } from 'node:crypto';
import type { Copy } from '../src/copies/index.js';
import type { DownloadSpec } from '../src/fill/index.js';
import { type FillFixture, openFills, rangesOf } from './fill-fixture.js';
import { contentOf, filesIn, readAll } from './store-fixture.js';

const MIB = 1024 * 1024;

// No two pieces are alike, as the pattern has a prime length.
const content = Buffer.alloc(10 * MIB + 17, contentOf(65_521));
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let fills: FillFixture;

beforeEach(async () => {
  fills = await openFills();
});

afterEach(() => fills.dispose());

function download(spec: DownloadSpec): Promise<Copy> {
  const source = fills.engine.join(spec);
  return source.kind === 'copy' ? Promise.resolve(source.copy) : source.run.finished;
}

function code(expected: string): Error {
  return expect.objectContaining({ code: expected }) as Error;
}

describe('a fill from the origin', () => {
  it('fetches pieces by ranges and ends with a complete copy', async () => {
    fills.serve(rangesOf(content));
    const copy = await download(fills.spec({ digest: `sha256:${sha256(content)}` }));
    expect(copy).toMatchObject({ state: 'complete', contentLength: content.length });
    expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
    expect(fills.store.copies.piecesOf(copy.copyId)).toHaveLength(3);
  });

  it('is shared by all who ask meanwhile, and not needed by who asks later', async () => {
    fills.serve(rangesOf(content));
    const copies = await Promise.all([1, 2, 3].map(() => download(fills.spec())));
    expect(new Set(copies.map(({ copyId }) => copyId)).size).toBe(1);
    const requestCount = fills.requests.length;
    expect(requestCount).toBe(4); // One for the length, one a piece.
    await download(fills.spec());
    expect(fills.requests).toHaveLength(requestCount);
  });

  it('takes a content whose length shows only at its end', async () => {
    fills.serve((_, response) => {
      response.write(content.subarray(0, 5 * MIB));
      response.end(content.subarray(5 * MIB));
    });
    const copy = await download(fills.spec());
    expect(copy.contentLength).toBe(content.length);
    expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
  });

  it('takes an empty content', async () => {
    fills.serve((_, response) => response.writeHead(200, { 'content-length': 0 }).end());
    const copy = await download(fills.spec());
    expect(copy).toMatchObject({ state: 'complete', contentLength: 0 });
  });

  it('begins a new copy when the content changes in the middle, and mixes nothing', async () => {
    const newer = Buffer.alloc(content.length, contentOf(65_521, 2));
    let answers = 0;
    fills.serve((request, response) => {
      answers += 1;
      rangesOf(answers <= 2 ? content : newer, answers <= 2 ? '"1"' : '"2"')(request, response);
    });
    const copy = await download(fills.spec());
    expect((await readAll(fills.store, copy)).equals(newer)).toBe(true);
    expect(filesIn(fills.store.dir)).toHaveLength(1);
  });

  it('gives up on a content that changes all the time, and leaves nothing', async () => {
    let answers = 0;
    fills.serve((request, response) => {
      answers += 1;
      rangesOf(content, `"${answers}"`)(request, response);
    });
    await expect(download(fills.spec())).rejects.toThrow(code('ORIGIN_CHANGED'));
    expect(filesIn(fills.store.dir)).toEqual([]);
    expect(fills.store.copies.countCopies()).toBe(0);
  });

  it('does not keep a content with another digest than the one asked for', async () => {
    fills.serve(rangesOf(content));
    const spec = fills.spec({ digest: `sha256:${'0'.repeat(64)}` });
    await expect(download(spec)).rejects.toThrow(code('DIGEST_MISMATCH'));
    expect(filesIn(fills.store.dir)).toEqual([]);
    expect(fills.store.copies.findServable(spec.taskId)).toBeUndefined();
  });

  it('leaves nothing of a content the origin refuses', async () => {
    fills.serve((_, response) => response.writeHead(404).end());
    await expect(download(fills.spec())).rejects.toThrow(code('ORIGIN_STATUS'));
    expect(filesIn(fills.store.dir)).toEqual([]);
    expect(fills.store.copies.countCopies()).toBe(0);
  });

  it('asks again only for what it lacks after the origin failed half way', async () => {
    fills.serve((request, response) => {
      if (request.headers.range?.startsWith('bytes=8388608-') === true)
        response.writeHead(503).end();
      else rangesOf(content)(request, response);
    });
    await expect(download(fills.spec())).rejects.toThrow(code('ORIGIN_STATUS'));
    fills.requests.length = 0;
    fills.serve(rangesOf(content));
    const copy = await download(fills.spec());
    expect((await readAll(fills.store, copy)).equals(content)).toBe(true);
    expect(fills.requests.map(({ headers }) => headers.range)).toEqual([
      'bytes=0-0',
      `bytes=8388608-${content.length - 1}`,
    ]);
  });

  it('does not go to the origin when that is not allowed', async () => {
    fills.serve(rangesOf(content));
    await expect(download(fills.spec({ disableBackToSource: true }))).rejects.toThrow(
      code('BACK_TO_SOURCE_DISABLED'),
    );
    expect(fills.requests).toEqual([]);
  });

  it('ends when the task is deleted, and leaves nothing', async () => {
    fills.serve((request, response) => {
      if (request.headers.range === 'bytes=0-0') rangesOf(content)(request, response);
      else
        response
          .writeHead(206, { 'content-range': 'bytes 0-4194303/10485777', etag: '"1"' })
          .flushHeaders();
    });
    const spec = fills.spec();
    const failed = expect(download(spec)).rejects.toThrow();
    const source = fills.engine.join(spec);
    if (source.kind === 'run') await source.run.content();
    await fills.store.deletion.deleteTask(spec.taskId, { announce: false });
    await failed;
    expect(filesIn(fills.store.dir)).toEqual([]);
    expect(fills.store.copies.countCopies()).toBe(0);
  });
});
