/**
 * The memory of a scheduler. Every change is an event applied in one synchronous turn; what follows
 * for the world outside comes back as effects, so that a race is a list of events.
 */

import {
  assertNever,
  type HostId,
  type PeerId,
  type RandomSource,
  type TaskId,
} from '@pondhawk/core';
import {
  chooseParents,
  isBeingFetched,
  maySupply,
  wouldCycle,
  type CycleCheck,
} from './choose-parents.js';
import { hasEnded, nextPeerState, type PeerEvent } from './peer-state.js';
import { mergeContent } from './task-content.js';
import type { HeldCopy, PeerNames, SwarmEffect, SwarmEvent } from './swarm-event.js';
import { PieceCosts } from './piece-costs.js';
import { findSurplusHolder } from './surplus-holder.js';
import { DEFAULT_SWARM_LIMITS, type SwarmLimits } from './swarm-limits.js';
import type { SwarmHost, SwarmPeer, SwarmTask } from './swarm-model.js';
import { nextTaskState, type TaskEvent } from './task-state.js';

/** Silent for this many announce intervals, a host is gone. */
const SILENT_INTERVALS_MAX = 2;

/** Events of one peer that is known already. */
type PeerChange = Exclude<
  Extract<SwarmEvent, { peerId: PeerId }>,
  { kind: 'peer-registered' | 'pieces-told' }
>;

/** What a swarm is built with; the cycle check is replaced in tests alone. */
export interface SwarmOptions {
  readonly random: RandomSource;
  /** The limits as they are now; default DEFAULT_SWARM_LIMITS. */
  readonly limits?: () => SwarmLimits;
  readonly wouldCycle?: CycleCheck;
}

/** Hosts, tasks and peers of one cluster. */
export class Swarm {
  readonly hosts = new Map<HostId, SwarmHost>();
  readonly tasks = new Map<TaskId, SwarmTask>();
  readonly peers = new Map<PeerId, SwarmPeer>();
  private effects: SwarmEffect[] = [];
  private nowMs = 0;

  constructor(private readonly options: SwarmOptions) {}

  /** Applies one event that happened at `nowMs` (monotonic). */
  apply(event: SwarmEvent, nowMs: number): SwarmEffect[] {
    this.effects = [];
    this.nowMs = nowMs;
    this.change(event);
    return this.effects;
  }

  /** Live copies and fills of a task, by host. */
  holdersOf(taskId: TaskId): SwarmPeer[] {
    return [...(this.tasks.get(taskId)?.peers.values() ?? [])].filter(
      (peer) => peer.state !== 'Failed',
    );
  }

  private get limits(): SwarmLimits {
    return this.options.limits?.() ?? DEFAULT_SWARM_LIMITS;
  }

  private change(event: SwarmEvent): void {
    switch (event.kind) {
      case 'host-announced':
        this.hosts.set(event.host.id, {
          ...event.host,
          announcedAtMs: this.nowMs,
          tellsCopies: this.hosts.get(event.host.id)?.tellsCopies ?? false,
        });
        return;
      case 'host-left':
        return this.dropHost(event.hostId);
      case 'peer-registered':
        return this.register(event);
      case 'copies-told':
        return this.tellCopies(event);
      case 'pieces-told':
        return this.tellPieces(event);
      case 'task-deleted':
        return this.deleteTask(event.hostId, event.taskId);
      case 'seed-failed':
        return this.onTask(event.taskId, (task) => (task.askedSeed = undefined));
      case 'tick':
        return this.tick();
      default:
        return this.changePeer(event);
    }
  }

  private changePeer(event: PeerChange): void {
    const peer = this.peers.get(event.peerId);
    if (peer === undefined) return; // Gone meanwhile, by a deletion or with its host.
    peer.updatedAtMs = this.nowMs;
    switch (event.kind) {
      case 'peer-started':
        return this.move(peer, 'download');
      case 'peer-back-to-source':
        this.dropParents(peer);
        return this.move(peer, 'downloadBackToSource');
      case 'peer-rescheduled':
        return this.reschedule(peer, event.failedParents);
      case 'piece-finished':
        peer.finishedPieces += 1;
        peer.pieceCosts.add(event.costMs);
        return;
      case 'piece-failed':
        peer.blockedParents.add(event.parentId);
        return;
      case 'peer-succeeded':
        return this.move(peer, 'succeed');
      case 'peer-failed':
        return this.move(peer, 'fail');
      case 'peer-left':
        return this.dropPeer(peer);
      default:
        assertNever(event);
    }
  }

  private register(names: Extract<SwarmEvent, { kind: 'peer-registered' }>): void {
    const known = this.peers.get(names.peerId);
    if (known !== undefined) this.dropPeer(known); // The stream was opened again.
    const peer = this.addPeer(names, names.needsBackToSource);
    peer.state =
      nextPeerState(peer.state, names.isEmpty ? 'registerEmpty' : 'registerNormal') ?? peer.state;
    peer.waitingSinceMs = this.nowMs;
    this.answerWaiting(names.taskId);
  }

  private addPeer(names: PeerNames, needsBackToSource: boolean): SwarmPeer {
    const task = this.tasks.get(names.taskId) ?? this.addTask(names.taskId);
    const peer: SwarmPeer = {
      id: names.peerId,
      hostId: names.hostId,
      taskId: names.taskId,
      state: 'Pending',
      needsBackToSource,
      parents: new Set(),
      children: new Set(),
      blockedParents: new Set(),
      waitingSinceMs: undefined,
      scheduleCount: 0,
      version: undefined,
      pieceCosts: new PieceCosts(),
      finishedPieces: 0,
      createdAtMs: this.nowMs,
      updatedAtMs: this.nowMs,
    };
    task.peers.set(peer.id, peer);
    this.peers.set(peer.id, peer);
    return peer;
  }

  private addTask(id: TaskId): SwarmTask {
    const task: SwarmTask = {
      id,
      state: 'Pending',
      peers: new Map(),
      content: undefined,
      askedSeed: undefined,
      createdAtMs: this.nowMs,
      updatedAtMs: this.nowMs,
    };
    this.tasks.set(id, task);
    return task;
  }

  private move(peer: SwarmPeer, event: PeerEvent): void {
    const next = nextPeerState(peer.state, event);
    if (next === undefined) return; // Late or doubled.
    peer.state = next;
    if (hasEnded(next)) this.endPeer(peer);
    const task = this.tasks.get(peer.taskId);
    if (task !== undefined) this.moveTask(task, peer);
    this.answerWaiting(peer.taskId);
    const surplus = task && findSurplusHolder(task, this.limits.holdersMax);
    if (surplus !== undefined) this.dropPeer(surplus);
  }

  private endPeer(peer: SwarmPeer): void {
    peer.waitingSinceMs = undefined;
    this.dropParents(peer);
    const task = this.tasks.get(peer.taskId);
    if (task !== undefined && this.hosts.get(peer.hostId)?.isSeed === true)
      task.askedSeed = undefined;
    if (peer.state === 'Failed') this.dropChildren(peer);
  }

  private moveTask(task: SwarmTask, peer: SwarmPeer): void {
    const others = [...task.peers.values()];
    const event: TaskEvent | undefined =
      peer.state === 'Succeeded'
        ? 'succeed'
        : peer.state === 'Failed' && others.every(({ state }) => state === 'Failed')
          ? 'fail'
          : peer.state === 'Running' || peer.state === 'BackToSource'
            ? 'download'
            : undefined;
    if (event !== undefined) task.state = nextTaskState(task.state, event) ?? task.state;
    task.updatedAtMs = this.nowMs;
  }

  private reschedule(peer: SwarmPeer, failedParents: readonly PeerId[]): void {
    for (const id of failedParents) peer.blockedParents.add(id);
    this.dropParents(peer);
    if (hasEnded(peer.state)) return;
    peer.waitingSinceMs = this.nowMs;
    this.answerWaiting(peer.taskId);
  }

  /** Answers every waiting peer of a task that can be answered, in the order in which they came. */
  private answerWaiting(taskId: TaskId): void {
    const task = this.tasks.get(taskId);
    if (task === undefined) return;
    for (const peer of task.peers.values()) {
      if (peer.waitingSinceMs !== undefined) this.answer(task, peer, peer.waitingSinceMs);
    }
  }

  private answer(task: SwarmTask, peer: SwarmPeer, waitingSinceMs: number): void {
    if (peer.needsBackToSource) return this.sendToSource(task, peer, 'asked for by the host');
    if (peer.scheduleCount >= this.limits.retryBackToSourceLimit) {
      return this.sendToSource(task, peer, 'no parent held out');
    }
    const parents = chooseParents({
      task,
      child: peer,
      hosts: this.hosts,
      limits: this.limits,
      random: this.options.random,
      wouldCycle: this.options.wouldCycle ?? wouldCycle,
    });
    if (parents.length > 0) return this.sendParents(peer, parents);
    if (this.nowMs - waitingSinceMs >= this.limits.waitMsMax) {
      return this.sendToSource(task, peer, 'no parent came in time');
    }
    if (isBeingFetched({ task, child: peer, hosts: this.hosts, limits: this.limits })) return; // Its fetcher becomes a parent, or ends.
    const seed = this.chooseSeed(peer);
    if (seed === undefined) return this.sendToSource(task, peer, 'nobody has it');
    task.askedSeed = seed.id;
    this.effects.push({ kind: 'ask-seed', hostId: seed.id, taskId: task.id, forPeerId: peer.id });
  }

  private sendParents(peer: SwarmPeer, parents: readonly SwarmPeer[]): void {
    for (const parent of parents) {
      parent.children.add(peer.id);
      peer.parents.add(parent.id);
    }
    this.answered(peer);
    this.effects.push({
      kind: 'send-parents',
      peerId: peer.id,
      parents: parents.map(({ id }) => id),
    });
  }

  private sendToSource(task: SwarmTask, peer: SwarmPeer, reason: string): void {
    const fetching = [...task.peers.values()].filter(
      ({ state }) => state === 'BackToSource',
    ).length;
    if (fetching >= this.limits.backToSourceCountMax) return; // Waits for a place.
    this.answered(peer);
    peer.state = nextPeerState(peer.state, 'downloadBackToSource') ?? peer.state;
    task.state = nextTaskState(task.state, 'download') ?? task.state;
    this.effects.push({ kind: 'send-back-to-source', peerId: peer.id, reason });
    this.answerWaiting(task.id);
  }

  private answered(peer: SwarmPeer): void {
    peer.waitingSinceMs = undefined;
    peer.scheduleCount += 1;
  }

  private chooseSeed(child: SwarmPeer): SwarmHost | undefined {
    const childHost = this.hosts.get(child.hostId);
    if (childHost?.isSeed === true || child.scheduleCount > 0) return undefined;
    const seeds = [...this.hosts.values()].filter(
      (host) => host.isSeed && host.isShared && maySupply(host, childHost, this.limits),
    );
    return seeds[Math.floor(this.options.random() * seeds.length)];
  }

  private tellCopies({
    hostId,
    copies,
    isInventoryStart,
  }: Extract<SwarmEvent, { kind: 'copies-told' }>): void {
    const host = this.hosts.get(hostId);
    if (host !== undefined) host.tellsCopies = true;
    if (isInventoryStart) this.forgetCopies(hostId);
    for (const copy of copies) this.tellCopy(hostId, copy);
  }

  private forgetCopies(hostId: HostId): void {
    for (const peer of [...this.peers.values()]) {
      if (peer.hostId === hostId && peer.state === 'Succeeded') this.dropPeer(peer);
    }
  }

  private tellCopy(hostId: HostId, copy: HeldCopy): void {
    const task = this.tasks.get(copy.taskId);
    const known = [...(task?.peers.values() ?? [])].find(
      (peer) => peer.hostId === hostId && peer.state === 'Succeeded',
    );
    if (known === undefined && (task?.peers.size ?? 0) >= this.limits.holdersMax) return; // Enough parents.
    const peer = known ?? this.peers.get(copy.peerId) ?? this.addPeer({ ...copy, hostId }, false);
    peer.version = copy.version;
    this.learn(copy.taskId, hostId, copy);
    this.move(peer, 'succeed');
  }

  private tellPieces({ facts, ...names }: Extract<SwarmEvent, { kind: 'pieces-told' }>): void {
    const peer = this.peers.get(names.peerId);
    if (peer !== undefined) peer.version = facts.version;
    this.learn(names.taskId, names.hostId, facts);
    this.answerWaiting(names.taskId);
  }

  private learn(taskId: TaskId, hostId: HostId, facts: Omit<HeldCopy, 'taskId' | 'peerId'>): void {
    const task = this.tasks.get(taskId);
    if (task === undefined) return;
    const merged = mergeContent(task.content, facts);
    task.content = merged.content;
    if (merged.fresh.length > 0)
      this.effects.push({ kind: 'pieces-known', taskId, pieces: merged.fresh });
    for (const number of merged.conflicts)
      this.effects.push({ kind: 'pieces-conflict', taskId, hostId, number });
  }

  private deleteTask(hostId: HostId, taskId: TaskId): void {
    for (const peer of [...(this.tasks.get(taskId)?.peers.values() ?? [])]) {
      if (peer.hostId === hostId) this.dropPeer(peer);
    }
  }

  private dropHost(hostId: HostId): void {
    for (const peer of [...this.peers.values()]) if (peer.hostId === hostId) this.dropPeer(peer);
    this.hosts.delete(hostId);
  }

  private dropPeer(peer: SwarmPeer): void {
    peer.state = 'Leave';
    this.endPeer(peer);
    this.dropChildren(peer);
    this.peers.delete(peer.id);
    this.effects.push({ kind: 'peer-gone', peerId: peer.id });
    const task = this.tasks.get(peer.taskId);
    if (task === undefined) return;
    task.peers.delete(peer.id);
    if (task.peers.size === 0) this.tasks.delete(task.id);
    else this.answerWaiting(task.id);
  }

  private dropParents(peer: SwarmPeer): void {
    for (const id of peer.parents) this.peers.get(id)?.children.delete(peer.id);
    peer.parents.clear();
  }

  private dropChildren(peer: SwarmPeer): void {
    for (const id of peer.children) this.peers.get(id)?.parents.delete(peer.id);
    peer.children.clear();
  }

  private tick(): void {
    for (const host of [...this.hosts.values()]) {
      const silentMs = this.nowMs - host.announcedAtMs;
      if (silentMs > SILENT_INTERVALS_MAX * host.announceIntervalMs) this.dropHost(host.id);
    }
    for (const taskId of [...this.tasks.keys()]) this.answerWaiting(taskId);
  }

  private onTask(taskId: TaskId, change: (task: SwarmTask) => void): void {
    const task = this.tasks.get(taskId);
    if (task === undefined) return;
    change(task);
    this.answerWaiting(taskId);
  }
}
