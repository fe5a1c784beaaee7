/** Many hosts that have nothing but their stream: each on a connection of its own, with what the protocol asks of a host that holds no copy. */

import { randomBytes } from 'node:crypto';
import { commonV2, pondhawkV1, schedulerV2 } from '@pondhawk/contracts';
import { callBidi, callUnary, createClient, type BidiCall, type Client } from '@pondhawk/rpc';
import { answerParent } from './bench-child.js';

type Call = BidiCall<pondhawkV1.SyncRequest, pondhawkV1.SyncResponse>;

/** Where hosts come to, and which. */
interface OpenQuestion {
  readonly address: string;
  /** Begins their names. */
  readonly name: string;
  readonly count: number;
}

interface SimulatedHost {
  readonly client: Client;
  readonly host: commonV2.Host;
  readonly call: Call;
}

/** Streams that are being opened at once. */
const OPENING_AT_ONCE = 64;
const ANNOUNCE_TIMEOUT_MS = 5_000;
const EPOCH_BYTES = 16;

const hosts: SimulatedHost[] = [];
let announcing: NodeJS.Timeout[] = [];

async function open({ address, name, count }: OpenQuestion): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1).values();
  const worker = async (): Promise<void> => {
    for (const number of numbers) await openOne(address, `${name}-${number}`);
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, worker));
}

/** Resolves when the scheduler has enrolled the host. */
async function openOne(address: string, hostname: string): Promise<void> {
  const host = commonV2.Host.fromPartial({
    id: `127.0.0.1-${hostname}`,
    hostname,
    ip: '127.0.0.1',
    port: 1,
    downloadPort: 1,
    os: 'linux',
    platform: 'linux',
    platformVersion: '#1 SMP',
    kernelVersion: '6.1.0',
    network: { location: '', idc: '' },
    schedulerClusterId: 1n,
  });
  const client = createClient(address);
  const call = callBidi(client, pondhawkV1.FleetSyncService.sync, {});
  hosts.push({ client, host, call });
  await call.send({
    request: {
      $case: 'hello',
      value: pondhawkV1.SyncHello.fromPartial({
        host,
        incarnation: randomBytes(EPOCH_BYTES),
        logEpoch: Buffer.alloc(EPOCH_BYTES),
        applied: 0n,
      }),
    },
  });
  await new Promise<void>((resolve, reject) => {
    follow(call, resolve).catch(reject);
  });
}

async function follow(call: Call, onLog: () => void): Promise<void> {
  for await (const { response } of call.responses) {
    if (response?.$case === 'log') onLog();
    if (response?.$case !== 'entries') continue;
    const { logEpoch, entries } = response.value;
    const outcomes = entries.map(({ seq }) =>
      pondhawkV1.PurgeOutcome.fromPartial({ seq, outcome: 'absent' }),
    );
    await call.send({ request: { $case: 'outcomes', value: { logEpoch, outcomes } } });
  }
}

/** Has each host announce itself every so often, as real ones do besides their stream. */
function announce(intervalMs: number): void {
  announcing = hosts.map(({ client, host }) => {
    const say = (): void => {
      const interval = { seconds: BigInt(intervalMs / 1_000), nanos: 0 };
      callUnary(
        client,
        schedulerV2.SchedulerService.announceHost,
        schedulerV2.AnnounceHostRequest.fromPartial({ host, interval }),
        { timeoutMs: ANNOUNCE_TIMEOUT_MS },
      ).catch(() => undefined); // The next one tells as much.
    };
    return setTimeout(() => {
      say();
      announcing.push(setInterval(say, intervalMs));
    }, Math.random() * intervalMs);
  });
}

function close(): void {
  for (const timer of announcing) clearTimeout(timer);
  for (const { call, client } of hosts.splice(0)) {
    call.cancel();
    client.close();
  }
}

answerParent({ open, announce, close }, close);
