/** `scheduler.v2.Scheduler`: what every daemon of this family calls. */

import { commonV2, Empty, type schedulerV2 } from '@pondhawk/contracts';
import {
  InvalidArgumentError,
  NotFoundError,
  parseHostId,
  parsePeerId,
  parseTaskId,
  type HostId,
} from '@pondhawk/core';
import type { ServiceHandlers } from '@pondhawk/rpc';
import type { SwarmPeer, SwarmTask } from '@pondhawk/swarm';
import type { ClusterLimits } from '../registration/cluster-limits.js';
import { announcePeer } from './announce-peer.js';
import { claimantOf, type HostClaims } from './host-claims.js';
import type { SwarmLoop } from './swarm-loop.js';
import { toHostEvent } from './swarm-messages.js';

const MS_PER_SECOND = 1_000;
const NS_PER_MS = 1_000_000;
// A daemon that asks to be forgotten sooner or later than this means something else.
const ANNOUNCE_INTERVAL_MS_MIN = 100;
const ANNOUNCE_INTERVAL_MS_MAX = 86_400_000;

/** Enrols hosts that open no stream to their home. */
export interface ForeignHosts {
  /** With each announcement. */
  open(host: commonV2.Host): void;
  /** The host said that it leaves. */
  leave(hostId: HostId): void;
}

/** What the handlers work on. */
export interface SchedulerHandlersOptions {
  readonly loop: SwarmLoop;
  readonly enrolment: ForeignHosts;
  readonly claims: HostClaims;
  readonly limits: () => Pick<ClusterLimits, 'uploadLimit' | 'seedUploadLimit'>;
}

/** The handlers of one listener. */
export function schedulerHandlers({
  loop,
  enrolment,
  claims,
  limits,
}: SchedulerHandlersOptions): ServiceHandlers<typeof schedulerV2.SchedulerService> {
  return {
    announcePeer: (requests, context) =>
      announcePeer(loop, requests, (hostId) => claims.requireHolder(hostId, claimantOf(context))),
    announceHost: async ({ host, interval }, context) => {
      if (host === undefined)
        throw new InvalidArgumentError('INVALID_HOST', 'host must be set.', {
          details: { field: 'host' },
        });
      const { uploadLimit, seedUploadLimit } = limits();
      const limit = host.type === 0 ? uploadLimit : seedUploadLimit;
      const hostId = parseHostId(host.id);
      const claimant = claimantOf(context);
      const isOurs = claimant.incarnation !== '';
      const event = toHostEvent(host, {
        ...{ intervalMs: toIntervalMs(interval), uploadLimit: limit, isGuarded: isOurs },
      });
      claims.claim(hostId, claimant);
      loop.apply(event);
      loop.addHost(hostId, host);
      // Our own hosts are enrolled by the stream to their home; others have nothing but this.
      if (!isOurs) enrolment.open(host);
      return Promise.resolve(Empty.create());
    },
    listHosts: async ({ type }) =>
      Promise.resolve({
        hosts: [...loop.hosts.values()].filter((host) => type === undefined || host.type === type),
      }),
    deleteHost: async ({ hostId: raw }, context) => {
      const hostId = parseHostId(raw);
      // A daemon that was refused here, or has been taken over, takes nobody along.
      if (!claims.isHolder(hostId, claimantOf(context))) {
        return Promise.resolve(Empty.create());
      }
      loop.apply({ kind: 'host-left', hostId });
      enrolment.leave(hostId);
      loop.dropHost(hostId);
      return Promise.resolve(Empty.create());
    },
    statPeer: async (request) => {
      const peer = requirePeer(loop, request);
      return Promise.resolve(toPeerMessage(peer, loop));
    },
    deletePeer: async (request) => {
      const peer = requirePeer(loop, request);
      loop.apply({ kind: 'peer-left', peerId: peer.id });
      return Promise.resolve(Empty.create());
    },
    statTask: async ({ taskId }) => {
      const task = loop.swarm.tasks.get(parseTaskId(taskId));
      if (task === undefined)
        throw new NotFoundError('TASK_NOT_FOUND', `task ${taskId} not found`, {
          details: { field: 'task_id' },
        });
      return Promise.resolve(toTaskMessage(task));
    },
    // Also for unknown hosts and tasks: the caller wants them gone, and gone they are.
    deleteTask: async (request, context) => {
      const [hostId, taskId] = [parseHostId(request.hostId), parseTaskId(request.taskId)];
      claims.requireHolder(hostId, claimantOf(context));
      loop.apply({ kind: 'task-deleted', hostId, taskId });
      return Promise.resolve(Empty.create());
    },
  };
}

function toIntervalMs(
  interval: { seconds: bigint; nanos: number } | undefined,
): number | undefined {
  if (interval === undefined) return undefined;
  const ms = Number(interval.seconds) * MS_PER_SECOND + interval.nanos / NS_PER_MS;
  return Math.min(Math.max(ms, ANNOUNCE_INTERVAL_MS_MIN), ANNOUNCE_INTERVAL_MS_MAX);
}

function requirePeer(
  loop: SwarmLoop,
  names: { hostId: string; taskId: string; peerId: string },
): SwarmPeer {
  parseTaskId(names.taskId);
  const peer = loop.swarm.peers.get(parsePeerId(names.peerId));
  if (peer?.taskId !== names.taskId || peer.hostId !== parseHostId(names.hostId)) {
    throw new NotFoundError('PEER_NOT_FOUND', `peer ${names.peerId} not found`, {
      details: { field: 'peer_id' },
    });
  }
  return peer;
}

function toPeerMessage(peer: SwarmPeer, loop: SwarmLoop): commonV2.Peer {
  const host = loop.hosts.get(peer.hostId);
  return commonV2.Peer.fromPartial({
    id: peer.id,
    state: peer.state,
    task: { id: peer.taskId },
    ...(host === undefined ? {} : { host }),
    needBackToSource: peer.needsBackToSource,
  });
}

function toTaskMessage(task: SwarmTask): commonV2.Task {
  return commonV2.Task.fromPartial({
    id: task.id,
    state: task.state,
    contentLength: BigInt(task.content?.contentLengthBytes ?? 0),
    pieceCount: task.content?.pieces.size ?? 0,
    peerCount: task.peers.size,
    hasAvailablePeer: [...task.peers.values()].some(({ state }) => state === 'Succeeded'),
  });
}
