import fc from 'fast-check';
import { parseHostId, parsePeerId, parseTaskId, type PeerId } from '@pondhawk/core';
import type { SwarmEffect, SwarmEvent } from './swarm-event.js';
import { DEFAULT_SWARM_LIMITS } from './swarm-limits.js';
import type { SwarmPeer } from './swarm-model.js';
import { Swarm, type SwarmOptions } from './swarm.js';

const TASK = parseTaskId('a'.repeat(64));
const WAIT_MS = DEFAULT_SWARM_LIMITS.waitMsMax;

function host(id: string, isSeed = false, isGuarded = true): SwarmEvent {
  return {
    kind: 'host-announced',
    host: {
      id: parseHostId(id),
      isSeed,
      isGuarded,
      idc: '',
      location: [],
      isShared: true,
      uploadLimit: 100,
      announceIntervalMs: 10_000,
    },
  };
}

function register(name: string, hostId = `h-${name}`): SwarmEvent {
  return {
    kind: 'peer-registered',
    peerId: parsePeerId(name),
    hostId: parseHostId(hostId),
    taskId: TASK,
    needsBackToSource: false,
    isEmpty: false,
  };
}

const peer = (name: string): PeerId => parsePeerId(name);

class Stage {
  readonly swarm: Swarm;
  nowMs = 0;

  constructor(options: Partial<SwarmOptions> = {}) {
    this.swarm = new Swarm({ random: () => 0.4, ...options });
  }

  apply(...events: SwarmEvent[]): SwarmEffect[] {
    return events.flatMap((event) => this.swarm.apply(event, this.nowMs));
  }

  answers(effects: readonly SwarmEffect[]): string[] {
    return effects.flatMap((effect) =>
      effect.kind === 'send-parents'
        ? [`${effect.peerId}<-${[...effect.parents].sort().join('+')}`]
        : effect.kind === 'send-back-to-source'
          ? [`${effect.peerId}<-origin`]
          : effect.kind === 'ask-seed'
            ? [`seed ${effect.hostId}`]
            : [],
    );
  }
}

describe('Swarm', () => {
  describe('when four peers of a task register in the same instant', () => {
    it('sends one to the origin and gives the others parents', () => {
      const stage = new Stage();
      stage.apply(...['a', 'b', 'c', 'd'].map((name) => host(`h-${name}`)));
      const effects = ['a', 'b', 'c', 'd'].flatMap((name) =>
        stage.apply(register(name), { kind: 'peer-started', peerId: peer(name) }),
      );
      expect(stage.answers(effects)).toEqual(['a<-origin', 'b<-a', 'c<-a+b', 'd<-a+b+c']);
    });

    it('asks a seed once, and lets them wait for it', () => {
      const stage = new Stage();
      stage.apply(host('seed', true), host('h-a'), host('h-b'));
      expect(stage.answers(stage.apply(register('a'), register('b')))).toEqual(['seed seed']);
      expect(stage.answers(stage.apply(register('s', 'seed')))).toEqual([
        's<-origin',
        'a<-s',
        'b<-a+s',
      ]);
    });

    it('lets those who were given parents serve those who come next, before they have begun', () => {
      const stage = new Stage();
      stage.apply(...['a', 'b', 'c'].map((name) => host(`h-${name}`)));
      const effects = stage.apply(register('a'), register('b'), register('c'));
      expect(stage.answers(effects)).toEqual(['a<-origin', 'b<-a', 'c<-a+b']);
    });
  });

  describe('when a foreign daemon has the task', () => {
    const announced = [host('h-own'), host('h-other', false, false), host('h-third', false, false)];
    const held = { kind: 'peer-succeeded', peerId: peer('other') } as const;
    const foreignCopy = [
      register('other', 'h-other'),
      { kind: 'peer-back-to-source', peerId: peer('other') } as const,
      held,
    ];

    it('sends our own host to the origin, and foreign ones to it', () => {
      const stage = new Stage();
      stage.apply(...announced, ...foreignCopy);
      expect(stage.answers(stage.apply(register('own', 'h-own')))).toEqual(['own<-origin']);
      expect(stage.answers(stage.apply(register('third', 'h-third')))).toEqual([
        'third<-other+own',
      ]);
    });

    it('does not let our own host wait for it, neither as fetcher nor as seed', () => {
      const stage = new Stage();
      stage.apply(...announced, host('h-seed', true, false), register('other', 'h-other'), {
        kind: 'peer-back-to-source',
        peerId: peer('other'),
      });
      const effects = stage.apply(register('own', 'h-own'));
      expect(stage.answers(effects)).toEqual(['own<-origin', 'other<-own']);
    });

    it('gives it as parent to our own host where the cluster allows that', () => {
      const limits = () => ({ ...DEFAULT_SWARM_LIMITS, allowsForeignParents: true });
      const stage = new Stage({ limits });
      stage.apply(...announced, ...foreignCopy);
      expect(stage.answers(stage.apply(register('own', 'h-own')))).toEqual(['own<-other']);
    });
  });

  it('sends a waiting peer to the origin when the seed fails', () => {
    const stage = new Stage();
    stage.apply(host('seed', true), host('h-a'), register('a'), {
      kind: 'host-left',
      hostId: parseHostId('seed'),
    });
    expect(stage.answers(stage.apply({ kind: 'seed-failed', taskId: TASK }))).toEqual([
      'a<-origin',
    ]);
  });

  it('sends a peer to the origin that has waited too long', () => {
    const stage = new Stage();
    stage.apply(host('seed', true), host('h-a'), register('a'));
    stage.nowMs = WAIT_MS;
    expect(stage.answers(stage.apply({ kind: 'tick' }))).toEqual(['a<-origin']);
  });

  it('gives the next in line the origin when the fetcher fails', () => {
    const stage = new Stage();
    stage.apply(host('h-a'), host('h-b'), register('a'), register('b'), {
      kind: 'peer-failed',
      peerId: peer('a'),
    });
    const effects = stage.apply({
      kind: 'peer-rescheduled',
      peerId: peer('b'),
      failedParents: [peer('a')],
    });
    expect(stage.answers(effects)).toEqual(['b<-origin']);
  });

  it('forgets a host that is silent for more than twice its interval', () => {
    const stage = new Stage();
    stage.apply(host('h-a'), register('a'));
    stage.nowMs = 20_000;
    stage.apply({ kind: 'tick' });
    expect(stage.swarm.hosts.size).toBe(1);
    stage.nowMs = 20_001;
    stage.apply({ kind: 'tick' });
    expect([stage.swarm.hosts.size, stage.swarm.peers.size, stage.swarm.tasks.size]).toEqual([
      0, 0, 0,
    ]);
  });

  it('knows parents again from what hosts tell after a restart', () => {
    const stage = new Stage();
    const copy = {
      taskId: TASK,
      peerId: peer('held'),
      version: 'v1',
      contentLengthBytes: 1,
      pieceLengthBytes: 4,
      pieces: [],
    };
    stage.apply(host('h-old'), host('h-a'), {
      kind: 'copies-told',
      hostId: parseHostId('h-old'),
      copies: [copy],
      isInventoryStart: true,
    });
    expect(stage.answers(stage.apply(register('a')))).toEqual(['a<-held']);
  });

  it('remembers 300 holders of a task, whether hosts tell of them or have just downloaded it', () => {
    const stage = new Stage();
    const { holdersMax } = DEFAULT_SWARM_LIMITS;
    for (let index = 0; index < holdersMax + 5; index += 1) {
      stage.apply(host(`h-${index}`), register(`p${index}`, `h-${index}`), {
        kind: 'peer-succeeded',
        peerId: peer(`p${index}`),
      });
    }
    expect(stage.swarm.holdersOf(TASK)).toHaveLength(holdersMax);
    expect(stage.swarm.peers.size).toBe(holdersMax);
    stage.apply(host('h-late'), {
      kind: 'copies-told',
      hostId: parseHostId('h-late'),
      copies: [
        {
          ...{ taskId: TASK, peerId: peer('late'), version: 'v', pieces: [] },
          ...{ contentLengthBytes: 1, pieceLengthBytes: 4 },
        },
      ],
      isInventoryStart: true,
    });
    expect(stage.swarm.peers.has(peer('late'))).toBe(false);
  });

  it('gives no parent on a host whose copy has been deleted', () => {
    const stage = new Stage();
    stage.apply(host('h-a'), host('h-b'), register('a'), {
      kind: 'peer-succeeded',
      peerId: peer('a'),
    });
    stage.apply({ kind: 'task-deleted', hostId: parseHostId('h-a'), taskId: TASK });
    expect(stage.answers(stage.apply(register('b')))).toEqual(['b<-origin']);
  });

  it('keeps the first word about a piece and reports a second one that differs', () => {
    const stage = new Stage();
    const tell = (crc32: number): SwarmEvent => ({
      kind: 'pieces-told',
      peerId: peer('a'),
      hostId: parseHostId('h-a'),
      taskId: TASK,
      facts: {
        version: 'v',
        contentLengthBytes: 4,
        pieceLengthBytes: 4,
        pieces: [
          {
            number: 0,
            offsetBytes: 0,
            lengthBytes: 4,
            crc32,
            sha256: undefined,
            hostId: parseHostId('h-a'),
          },
        ],
      },
    });
    stage.apply(host('h-a'), register('a'), tell(1));
    expect(stage.apply(tell(2)).map(({ kind }) => kind)).toEqual(['pieces-conflict']);
    expect(stage.swarm.tasks.get(TASK)?.content?.pieces.get(0)?.crc32).toBe(1);
  });
});

describe('Swarm under random events', () => {
  const HOSTS = Array.from({ length: 8 }, (_, index) => `h${index}`);
  const PEERS = Array.from({ length: 24 }, (_, index) => ({
    name: `p${index}`,
    hostId: HOSTS[index % HOSTS.length] ?? '',
  }));
  const anyPeer = fc.constantFrom(...PEERS);
  const anyEvent: fc.Arbitrary<SwarmEvent> = fc.oneof(
    { weight: 6, arbitrary: anyPeer.map(({ name, hostId }) => register(name, hostId)) },
    { weight: 2, arbitrary: fc.constantFrom(...HOSTS).map((id) => host(id)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...HOSTS)
        .map((id): SwarmEvent => ({ kind: 'host-left', hostId: parseHostId(id) })),
    },
    {
      weight: 5,
      arbitrary: anyPeer.map(({ name }): SwarmEvent => ({
        kind: 'peer-started',
        peerId: peer(name),
      })),
    },
    {
      weight: 5,
      arbitrary: fc.tuple(anyPeer, anyPeer).map(([a, b]): SwarmEvent => ({
        kind: 'peer-rescheduled',
        peerId: peer(a.name),
        failedParents: [peer(b.name)],
      })),
    },
    {
      weight: 2,
      arbitrary: anyPeer.map(({ name }): SwarmEvent => ({
        kind: 'peer-succeeded',
        peerId: peer(name),
      })),
    },
    {
      weight: 1,
      arbitrary: anyPeer.map(({ name }): SwarmEvent => ({
        kind: 'peer-failed',
        peerId: peer(name),
      })),
    },
    {
      weight: 1,
      arbitrary: anyPeer.map(({ hostId }): SwarmEvent => ({
        kind: 'task-deleted',
        hostId: parseHostId(hostId),
        taskId: TASK,
      })),
    },
    { weight: 1, arbitrary: fc.constant<SwarmEvent>({ kind: 'tick' }) },
  );

  function run(events: readonly SwarmEvent[], options: Partial<SwarmOptions>): void {
    const stage = new Stage(options);
    stage.apply(...HOSTS.map((id) => host(id)));
    for (const event of events) {
      stage.nowMs += 7;
      for (const effect of stage.apply(event)) checkAnswer(stage.swarm, effect);
      checkGraph(stage.swarm);
    }
  }

  function checkAnswer(swarm: Swarm, effect: SwarmEffect): void {
    if (effect.kind !== 'send-parents') return;
    expect(effect.parents.length).toBeLessThanOrEqual(DEFAULT_SWARM_LIMITS.candidateParentLimit);
    const child = swarm.peers.get(effect.peerId);
    for (const id of effect.parents) {
      const parent = swarm.peers.get(id);
      expect(parent?.state).not.toBe('Failed');
      expect(parent?.hostId).not.toBe(child?.hostId);
      expect(child?.blockedParents.has(id)).toBe(false);
    }
  }

  function checkGraph(swarm: Swarm): void {
    const done = new Set<PeerId>();
    const visit = (at: SwarmPeer, path: Set<PeerId>): void => {
      if (path.has(at.id)) throw new Error(`cycle at ${at.id}`);
      if (done.has(at.id)) return;
      for (const id of at.parents) {
        const parent = swarm.peers.get(id);
        if (parent === undefined) throw new Error('a parent is gone');
        visit(parent, new Set(path).add(at.id));
      }
      done.add(at.id);
    };
    for (const at of swarm.peers.values()) visit(at, new Set());
  }

  it('has no cycle among parents, and no answer that breaks a rule, over 10,000 events', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { minLength: 100, maxLength: 100 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (events, numbers) => {
          run(events, { random: () => Number(numbers.next().value) });
        },
      ),
      { numRuns: 100, seed: 7 },
    );
  });

  it('finds cycles when the check is taken out', () => {
    const search = fc.check(
      fc.property(fc.array(anyEvent, { minLength: 100, maxLength: 100 }), (events) =>
        run(events, { wouldCycle: () => false }),
      ),
      { numRuns: 100, seed: 7, endOnFailure: true },
    );
    expect(search.failed).toBe(true);
    expect(String(search.errorInstance)).toContain('cycle');
  });
});
