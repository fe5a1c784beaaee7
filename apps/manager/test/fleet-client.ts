/** What daemons ask the manager over gRPC. */

import { fromHostRecord, managerV2, pondhawkV1, type HostRecord } from '@pondhawk/contracts';
import { callClientStream, callUnary, createClient, type ClientStreamCall } from '@pondhawk/rpc';

const TIMEOUT_MS = 5_000;
const IP = '127.0.0.1';
/** Facts that every registration has. */
const GOOD = { hostname: 'good', ip: IP, port: 8002 };

/** A stream of keepalives of one scheduler. */
export interface KeepAliveStream {
  beat(): Promise<void>;
  end(): void;
  readonly ended: Promise<unknown>;
}

/** Calls of schedulers and peers. */
export interface FleetClient {
  registerScheduler(hostname: string, intervalMs?: number): Promise<number>;
  /** Registers a scheduler with facts that need not be right. */
  register(facts: Partial<managerV2.UpdateSchedulerRequest>): Promise<unknown>;
  /** Registers a seed peer with facts that need not be right. */
  registerSeedPeer(facts: Partial<managerV2.UpdateSeedPeerRequest>): Promise<unknown>;
  keepAlive(hostname: string): KeepAliveStream;
  activeSchedulers(): Promise<string[]>;
  brokerEpoch(): Promise<string>;
  /** Enrols daemons that know no leases. */
  enrolForeign(schedulerId: number, hosts: readonly HostRecord[]): Promise<unknown>;
  close(): void;
}

/** Connects to a manager's gRPC port. */
export function fleetClient(address: string): FleetClient {
  const client = createClient(address);
  const { ManagerService, SourceType } = managerV2;
  const options = { timeoutMs: TIMEOUT_MS };
  return {
    register: (facts) =>
      callUnary(
        client,
        ManagerService.updateScheduler,
        managerV2.UpdateSchedulerRequest.fromPartial({ ...GOOD, schedulerClusterId: 1n, ...facts }),
        options,
      ),
    registerSeedPeer: (facts) =>
      callUnary(
        client,
        ManagerService.updateSeedPeer,
        managerV2.UpdateSeedPeerRequest.fromPartial({
          ...{ ...GOOD, downloadPort: 4000, seedPeerClusterId: 1n, type: 'super' },
          ...facts,
        }),
        options,
      ),
    registerScheduler: async (hostname, intervalMs) => {
      const config =
        intervalMs === undefined ? {} : { manager_keep_alive_interval: intervalMs * 1_000_000 };
      const request = {
        sourceType: SourceType.SCHEDULER_SOURCE,
        hostname,
        ip: IP,
        port: 8002,
        schedulerClusterId: 1n,
        features: ['schedule'],
        config: Buffer.from(JSON.stringify(config)),
      };
      const { id } = await callUnary(client, ManagerService.updateScheduler, request, options);
      return Number(id);
    },
    keepAlive: (hostname) => {
      const call: ClientStreamCall<managerV2.KeepAliveRequest, unknown> = callClientStream(
        client,
        ManagerService.keepAlive,
      );
      const beat = {
        sourceType: SourceType.SCHEDULER_SOURCE,
        hostname,
        ip: IP,
        clusterId: 1n,
      };
      return {
        beat: () => call.send(beat),
        end: () => void call.end().catch(() => undefined),
        ended: call.response,
      };
    },
    activeSchedulers: async () => {
      const request = {
        sourceType: SourceType.PEER_SOURCE,
        hostname: 'h1',
        ip: IP,
        version: '',
        commit: '',
        schedulerClusterId: 1n,
      };
      const { schedulers } = await callUnary(
        client,
        ManagerService.listSchedulers,
        request,
        options,
      );
      return schedulers.map((scheduler) => scheduler.hostname);
    },
    brokerEpoch: async () => {
      const request = { schedulerId: 1n, schedulerClusterId: 1n };
      const { epoch } = await callUnary(
        client,
        pondhawkV1.FleetService.getBroker,
        request,
        options,
      );
      return epoch;
    },
    enrolForeign: (schedulerId, hosts) =>
      callUnary(
        client,
        pondhawkV1.FleetService.enrol,
        pondhawkV1.EnrolRequest.fromPartial({
          ...{ schedulerId: BigInt(schedulerId), schedulerClusterId: 1n },
          schedulerIncarnation: Buffer.alloc(16, 0x51),
          opened: hosts.map((host, index) => ({
            host: fromHostRecord(host, 1),
            connection: BigInt(index + 1),
          })),
        }),
        options,
      ),
    close: () => client.close(),
  };
}
