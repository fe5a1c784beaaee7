/**
 * The one owner of the swarm: every handler turns its message into an event, and the effects that
 * come back are carried out here.
 */

import { EventEmitter, once } from 'node:events';
import { type commonV2, type schedulerV2 } from '@pondhawk/contracts';
import { toError, type Clock, type HostId, type PeerId, type TaskId } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { KnownPiece, Swarm, SwarmEffect, SwarmEvent } from '@pondhawk/swarm';
import type { Mailbox } from './mailbox.js';
import { toCandidateParent } from './swarm-messages.js';

/** How often silence and waiting are looked at. */
const TICK_INTERVAL_MS = 500;

/** Makes a seed peer download a task. */
export abstract class SeedCaller {
  /** Resolves when the seed has the task. @throws one of our errors if it will not. */
  abstract download(host: commonV2.Host, download: commonV2.Download): Promise<void>;
}

/** Told of pieces of one task as they become known. */
export type PieceWatcher = (pieces: readonly KnownPiece[]) => void;

/** Parts the loop works with. */
export interface SwarmLoopOptions {
  readonly swarm: Swarm;
  readonly clock: Clock;
  readonly log: Log;
  readonly seeds: SeedCaller;
}

/** Applies events, carries out effects, and ticks from `start` to `stop`. */
export class SwarmLoop {
  readonly swarm: Swarm;
  /** Hosts as they announced themselves. */
  readonly hosts = new Map<HostId, commonV2.Host>();
  /** Open AnnouncePeer streams. */
  readonly answers = new Map<PeerId, Mailbox<schedulerV2.AnnouncePeerResponse>>();
  /** What each registered peer wants; for asking a seed. */
  readonly downloads = new Map<PeerId, commonV2.Download>();
  private readonly events = new EventEmitter().setMaxListeners(0);
  private readonly watchers = new Map<TaskId, Set<PieceWatcher>>();
  private ticking: NodeJS.Timeout | undefined;

  constructor(private readonly options: SwarmLoopOptions) {
    this.swarm = options.swarm;
  }

  /** Begins to look at silence. */
  start(): void {
    this.ticking = setInterval(() => {
      this.apply({ kind: 'tick' });
      for (const id of this.hosts.keys()) if (!this.swarm.hosts.has(id)) this.dropHost(id);
    }, TICK_INTERVAL_MS);
  }

  /** Takes note of a host as it announced itself. */
  addHost(hostId: HostId, host: commonV2.Host): void {
    this.hosts.set(hostId, host);
    this.events.emit('heard', hostId);
  }

  /** Forgets a host that left or fell silent. */
  dropHost(hostId: HostId): void {
    if (this.hosts.delete(hostId)) this.events.emit('lost', hostId);
  }

  /** Calls `listener` with each host that was forgotten. */
  onHostLost(listener: (hostId: HostId) => void): void {
    this.events.on('lost', listener);
  }

  /** Resolves when the host has announced itself, or when `signal` is aborted. */
  async whenHeard(hostId: HostId, signal: AbortSignal): Promise<void> {
    while (!this.hosts.has(hostId) && !signal.aborted) {
      await once(this.events, 'heard', { signal }).catch(() => undefined); // Aborted, as the loop sees.
    }
  }

  /** Ends the ticking; open streams are ended by their listener. */
  stop(): void {
    clearInterval(this.ticking);
  }

  /** Applies one event and carries out what follows. */
  apply(event: SwarmEvent): void {
    for (const effect of this.swarm.apply(event, this.options.clock.monotonicMs()))
      this.carryOut(effect);
  }

  /** Calls `watcher` with pieces as they become known, until the returned function is called. */
  watch(taskId: TaskId, watcher: PieceWatcher): () => void {
    const watchers = this.watchers.get(taskId) ?? new Set<PieceWatcher>();
    this.watchers.set(taskId, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.watchers.delete(taskId);
    };
  }

  private carryOut(effect: SwarmEffect): void {
    switch (effect.kind) {
      case 'send-parents':
        return this.sendParents(effect.peerId, effect.parents);
      case 'send-back-to-source':
        this.answers.get(effect.peerId)?.post({
          response: {
            $case: 'needBackToSourceResponse',
            value: { description: effect.reason },
          },
        });
        return;
      case 'ask-seed':
        return this.askSeed(effect);
      case 'pieces-known':
        for (const watcher of this.watchers.get(effect.taskId) ?? []) watcher(effect.pieces);
        return;
      case 'peer-gone':
        this.downloads.delete(effect.peerId);
        return;
      case 'pieces-conflict':
        this.options.log.warn('a host told another digest of a piece', {
          taskId: effect.taskId,
          hostId: effect.hostId,
          number: effect.number,
        });
    }
  }

  private sendParents(peerId: PeerId, parents: readonly PeerId[]): void {
    const candidateParents = parents.flatMap((id) => {
      const peer = this.swarm.peers.get(id);
      const host = peer === undefined ? undefined : this.hosts.get(peer.hostId);
      return peer === undefined || host === undefined ? [] : [toCandidateParent(peer, host)];
    });
    this.answers
      .get(peerId)
      ?.post({ response: { $case: 'normalTaskResponse', value: { candidateParents } } });
  }

  private askSeed({ hostId, taskId, forPeerId }: Extract<SwarmEffect, { kind: 'ask-seed' }>): void {
    const host = this.hosts.get(hostId);
    const download = this.downloads.get(forPeerId);
    const asked =
      host === undefined || download === undefined
        ? Promise.reject(new Error('The seed or the download is gone.'))
        : this.options.seeds.download(host, download);
    asked.catch((thrown: unknown) => {
      this.options.log.warn('a seed peer did not fetch a task', {
        taskId,
        hostId,
        err: toError(thrown),
      });
      this.apply({ kind: 'seed-failed', taskId });
    });
  }
}
