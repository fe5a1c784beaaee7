/** `pondhawk.v1.Swarm`: what our own hosts tell besides. */

import { pondhawkV1 } from '@pondhawk/contracts';
import { parseHostId, parsePeerId, parseTaskId } from '@pondhawk/core';
import type { CallContext, ServiceHandlers } from '@pondhawk/rpc';
import type { SwarmTask } from '@pondhawk/swarm';
import { Mailbox } from './mailbox.js';
import { claimantOf, type HostClaims } from './host-claims.js';
import type { SwarmLoop } from './swarm-loop.js';
import { toContentFacts, toHeldCopy, toWatchResponse } from './swarm-messages.js';

/** The handlers of one listener. */
export function swarmHandlers(
  loop: SwarmLoop,
  claims: HostClaims,
): ServiceHandlers<typeof pondhawkV1.SwarmService> {
  return {
    watchPieces: (request, context) => watchPieces(loop, request, context),
    reportPieces: async (requests, context) => {
      for await (const request of requests) {
        const hostId = parseHostId(request.hostId);
        claims.requireHolder(hostId, claimantOf(context));
        loop.apply({
          kind: 'pieces-told',
          hostId,
          taskId: parseTaskId(request.taskId),
          peerId: parsePeerId(request.peerId),
          facts: toContentFacts(request, hostId),
        });
      }
      return pondhawkV1.ReportPiecesResponse.create();
    },
    announceCopies: async (request, context) => {
      const hostId = parseHostId(request.hostId);
      claims.requireHolder(hostId, claimantOf(context));
      const held = request.copies.map((record) => toHeldCopy(record, hostId));
      loop.apply({
        kind: 'copies-told',
        hostId,
        copies: held,
        isInventoryStart: request.inventoryStart,
      });
      return Promise.resolve(pondhawkV1.AnnounceCopiesResponse.create());
    },
  };
}

async function* watchPieces(
  loop: SwarmLoop,
  request: pondhawkV1.WatchPiecesRequest,
  { signal }: CallContext,
): AsyncGenerator<pondhawkV1.WatchPiecesResponse, void, undefined> {
  const taskId = parseTaskId(request.taskId);
  const responses = new Mailbox<pondhawkV1.WatchPiecesResponse>();
  const end = (): void => responses.close();
  signal.addEventListener('abort', end, { once: true });
  const unwatch = loop.watch(taskId, (pieces) => {
    responses.post(toWatchResponse(loop.swarm.tasks.get(taskId)?.content, pieces, false));
  });
  const task = loop.swarm.tasks.get(taskId);
  responses.post(
    toWatchResponse(task?.content, task?.content?.pieces.values() ?? [], isForeign(loop, task)),
  );
  try {
    yield* responses;
  } finally {
    unwatch();
    signal.removeEventListener('abort', end);
  }
}

/** Whether only daemons that tell no digests hold or fetch the task. */
function isForeign(loop: SwarmLoop, task: SwarmTask | undefined): boolean {
  const sources = [...(task?.peers.values() ?? [])].filter(
    ({ state }) => state === 'BackToSource' || state === 'Succeeded',
  );
  return (
    sources.length > 0 &&
    sources.every(({ hostId }) => loop.swarm.hosts.get(hostId)?.tellsCopies !== true)
  );
}
