import { checkHistory } from './check-history.js';
import type { Answer, Deletion, OriginWrite, Serve } from './history.js';

const anAnswer = (facts: Partial<Answer> = {}): Answer => ({
  id: 1,
  host: 'peer-1',
  content: '/a',
  way: 'pieces',
  askedAtMs: 300,
  ...facts,
});
const aServe = (facts: Partial<Serve> = {}): Serve => ({
  answer: anAnswer(),
  version: 1,
  startByte: 0,
  endByte: 100,
  atMs: 400,
  ...facts,
});
const aDeletion = (facts: Partial<Deletion> = {}): Deletion => ({
  job: 1,
  content: '/a',
  askedAtMs: 100,
  endSeenAtMs: 200,
  state: 'SUCCESS',
  finality: 'guaranteed',
  clearedHosts: new Set(),
  heldBytes: new Map(),
  ...facts,
});
const aWrite = (facts: Partial<OriginWrite> = {}): OriginWrite => ({
  content: '/a',
  version: 1,
  startByte: 0,
  endByte: 100,
  atMs: 50,
  ...facts,
});

/** A history with what is given laid over: bytes of before, purged, and served afterwards. */
function check(
  given: Partial<{ writes: OriginWrite[]; deletion: Partial<Deletion>; serves: Serve[] }> = {},
) {
  const { writes = [aWrite()], deletion = {}, serves = [aServe()] } = given;
  const verdict = checkHistory({
    originWrites: writes,
    deletions: [aDeletion(deletion)],
    serves,
  });
  return {
    stale: verdict.stale.map(({ bytes }) => bytes),
    unknown: verdict.unknown.length,
    checked: verdict.servesChecked,
  };
}

describe('The checker of histories', () => {
  describe('finds', () => {
    it('bytes read before a deletion and served after its end', () => {
      expect(check()).toEqual({ stale: [100], unknown: 0, checked: 1 });
    });

    it('those of several versions, by the one that is old', () => {
      const writes = [aWrite(), aWrite({ version: 2, atMs: 150 })];
      const serves = [aServe(), aServe({ version: 2 })];
      expect(check({ writes, serves })).toEqual({ stale: [100], unknown: 0, checked: 2 });
    });

    it('the part of a serve that was read before, between two that were read after', () => {
      const later = { atMs: 101 };
      const writes = [
        aWrite(),
        aWrite({ endByte: 30, ...later }),
        aWrite({ startByte: 70, ...later }),
      ];
      expect(check({ writes }).stale).toEqual([40]);
    });

    it('what a host serves that a job of best effort calls cleared, even one that failed', () => {
      const deletion = { finality: 'best_effort', clearedHosts: new Set(['peer-1']) };
      expect(check({ deletion }).stale).toEqual([100]);
      expect(check({ deletion: { ...deletion, state: 'FAILURE' } }).stale).toEqual([100]);
    });

    it('more than was held outside the daemon when the end was seen', () => {
      const serves = [
        aServe({ endByte: 60 }),
        aServe({ startByte: 60, endByte: 80 }),
        aServe({ startByte: 80 }),
      ];
      const deletion = { heldBytes: new Map([[1, 70]]) };
      expect(check({ deletion, serves }).stale).toEqual([10, 20]);
    });

    it('what another answer serves than the one of which bytes were held', () => {
      const serves = [aServe({ answer: anAnswer({ id: 2 }) })];
      expect(check({ deletion: { heldBytes: new Map([[1, 100]]) }, serves }).stale).toEqual([100]);
    });

    it('bytes that the origin never sent', () => {
      expect(check({ writes: [] })).toEqual({ stale: [], unknown: 1, checked: 1 });
      expect(check({ writes: [aWrite({ endByte: 99 })] }).unknown).toBe(1);
    });
  });

  describe('lets pass', () => {
    it.each<[string, Parameters<typeof check>[0]]>([
      ['bytes read once the deletion was asked for', { writes: [aWrite({ atMs: 100 })] }],
      [
        'bytes that the origin sent again afterwards',
        { writes: [aWrite(), aWrite({ atMs: 250 })] },
      ],
      ['what arrives at the moment of the end', { serves: [aServe({ atMs: 200 })] }],
      ['a job that failed and clears other hosts', { deletion: { state: 'FAILURE' } }],
      ['a host that a job of best effort does not name', { deletion: { finality: 'best_effort' } }],
      ['another content', { deletion: { content: '/b' } }],
      ['what was held outside the daemon', { deletion: { heldBytes: new Map([[1, 100]]) } }],
    ])('%s', (_, given) => expect(check(given).stale).toEqual([]));
  });
});
