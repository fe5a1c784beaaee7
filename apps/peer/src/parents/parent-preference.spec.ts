import {
  FIRST_PROBE_MS,
  PATIENCE_MS,
  ParentPreference,
  PROBE_INTERVAL_MS,
  type PreferredParent,
} from './parent-preference.js';

type Named = PreferredParent & { name: string };

function parent(name: string, pieces: number, facts: Partial<PreferredParent> = {}): Named {
  return {
    name,
    pieces: new Set(Array.from({ length: pieces }, (_, number) => number)),
    ...{ isUsable: true, mayLearnMore: true, hasRoom: true, newsAtMs: 0, inFlight: 0, ...facts },
  };
}

describe('ParentPreference', () => {
  let nowMs = 0;
  const preference = (): ParentPreference => {
    nowMs = 0;
    return new ParentPreference(() => nowMs);
  };
  const namesOf = (given: ParentPreference, parents: Named[]): string[] =>
    given.allowed(parents, () => true).map(({ parent: { name } }) => name);

  it('spares the better stocked while one that is still filling brings pieces', () => {
    const parents = [parent('seed', 9, { mayLearnMore: false }), parent('b', 3), parent('a', 5)];
    expect(namesOf(preference(), parents)).toEqual(['b']);
  });

  it('asks all of those that are complete', () => {
    const done = { mayLearnMore: false };
    const parents = [parent('a', 9, done), parent('b', 9, { ...done, inFlight: 1 })];
    expect(namesOf(preference(), parents)).toEqual(['a', 'b']);
  });

  it('goes on to the next when the first brings nothing any more', () => {
    const given = preference();
    nowMs = PATIENCE_MS;
    const parents = [parent('b', 3), parent('a', 5, { newsAtMs: 1 }), parent('seed', 9)];
    expect(namesOf(given, parents)).toEqual(['b', 'a']);
  });

  it('lets others help one that has more than it can send at once', () => {
    const parents = [parent('b', 3, { hasRoom: false }), parent('a', 5), parent('seed', 9)];
    expect(namesOf(preference(), parents)).toEqual(['a']);
  });

  describe('when a spared parent turns out to be faster than all that comes', () => {
    it('spares nobody until it looks again', () => {
      const given = preference();
      const parents = (): Named[] => [
        parent('b', 3, { newsAtMs: nowMs }),
        parent('seed', 9, { mayLearnMore: false }),
      ];
      given.ended(given.started(false), 1_000_000);
      nowMs = FIRST_PROBE_MS;
      expect(namesOf(given, parents())).toEqual(['seed', 'b']);
      const probe = given.started(true);
      expect(namesOf(given, parents())).toEqual(['b']);
      nowMs += 100;
      given.ended(probe, 1_000_000);
      expect(namesOf(given, parents())).toEqual(['b', 'seed']);
      nowMs += PROBE_INTERVAL_MS;
      expect(given.allowed(parents(), () => true)[0]).toMatchObject({ isProbe: true });
    });
  });

  it('goes on sparing a parent that is slower than what comes', () => {
    const given = preference();
    given.ended(given.started(false), 100_000_000);
    nowMs = FIRST_PROBE_MS;
    const probe = given.started(true);
    nowMs += 1_000;
    given.ended(probe, 1_000_000);
    const parents = [
      parent('b', 3, { newsAtMs: nowMs }),
      parent('seed', 9, { mayLearnMore: false }),
    ];
    expect(namesOf(given, parents)).toEqual(['b']);
  });
});
