/** Many hosts that have nothing but their stream: each on a connection of its own, with what the protocol asks of a host that holds no copy, leases included. */

import { randomBytes } from 'node:crypto';
import { commonV2, INCARNATION_KEY, pondhawkV1, schedulerV2 } from '@pondhawk/contracts';
import {
  callBidi,
  callUnary,
  createClient,
  Metadata,
  type BidiCall,
  type Client,
} from '@pondhawk/rpc';
import { answerParent } from './bench-child.js';
import { nowMs } from './event-stream.js';

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
  readonly incarnation: Buffer;
  readonly call: Call;
  /** Of the newest lease request. */
  number: number;
  /** Monotonic ms when that one was sent. */
  askedAtMs: number;
  /** Monotonic ms until which the newest lease runs. */
  leasedUntilMs: number;
}

/** What a host had kept back. */
export interface Release {
  readonly heldCount: number;
  /** Unix ms, with fractions, of its first answer. */
  readonly releasedAtMs: number;
}

/** How leases went since they were last asked for. */
interface LeaseCounts {
  granted: number;
  refused: number;
}

/** Streams that are being opened at once. */
const OPENING_AT_ONCE = 64;
const ANNOUNCE_TIMEOUT_MS = 5_000;
const EPOCH_BYTES = 16;
/** As peers ask, with leases of 4 s. */
const LEASE_INTERVAL_MS = 1_000;

const hosts: SimulatedHost[] = [];
let announcing: NodeJS.Timeout[] = [];
const asking: NodeJS.Timeout[] = [];
let counts: LeaseCounts = { granted: 0, refused: 0 };
/** Answers that the first host keeps back; undefined: it keeps none back. */
let held: (() => Promise<void>)[] | undefined;
/** Unix ms, with fractions, of the newest answer of any host. */
let answeredAtMs = 0;

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
  const incarnation = randomBytes(EPOCH_BYTES);
  const simulated = { client, host, incarnation, call, number: 0, askedAtMs: 0, leasedUntilMs: 0 };
  hosts.push(simulated);
  await call.send({
    request: {
      $case: 'hello',
      value: pondhawkV1.SyncHello.fromPartial({
        host,
        incarnation,
        logEpoch: Buffer.alloc(EPOCH_BYTES),
        applied: 0n,
      }),
    },
  });
  await new Promise<void>((resolve, reject) => {
    follow(simulated, resolve).catch(reject);
  });
  askForLeases(simulated);
}

async function follow(host: SimulatedHost, onLog: () => void): Promise<void> {
  const { call } = host;
  for await (const { response } of call.responses) {
    if (response?.$case === 'log') onLog();
    if (response?.$case === 'grant') takeGrant(host, response.value);
    if (response?.$case !== 'entries') continue;
    const { logEpoch, entries } = response.value;
    const outcomes = entries.map(({ seq }) =>
      pondhawkV1.PurgeOutcome.fromPartial({ seq, outcome: 'absent' }),
    );
    const answer = () => {
      answeredAtMs = nowMs();
      return call.send({ request: { $case: 'outcomes', value: { logEpoch, outcomes } } });
    };
    if (held !== undefined && host === hosts[0]) held.push(answer);
    else await answer();
  }
}

/** From now on the first host keeps its answers back, as one that hangs. */
function hold(): void {
  held = [];
}

/** The first host says what it kept back, and keeps nothing back any more. */
async function release(): Promise<Release> {
  const kept = held ?? [];
  held = undefined;
  const releasedAtMs = nowMs();
  for (const answer of kept) await answer();
  return { heldCount: kept.length, releasedAtMs };
}

/** From now on, at moments of its own. */
function askForLeases(host: SimulatedHost): void {
  const ask = (): void => {
    host.number += 1;
    host.askedAtMs = performance.now();
    const logEpoch = Buffer.alloc(EPOCH_BYTES);
    const value = { number: BigInt(host.number), applied: 0n, logEpoch, waiverEnd: 0n };
    // A stream that has ended fails the bench by its count of hosts.
    host.call.send({ request: { $case: 'leaseRequest', value } }).catch(() => undefined);
  };
  const first = setTimeout(() => asking.push(setInterval(ask, LEASE_INTERVAL_MS)), spread());
  asking.push(first);
  ask();
}

function spread(): number {
  return Math.random() * LEASE_INTERVAL_MS;
}

function takeGrant(host: SimulatedHost, grant: pondhawkV1.SyncGrant): void {
  if (grant.refusal !== '') {
    counts.refused += 1;
    return;
  }
  counts.granted += 1;
  if (Number(grant.number) === host.number) {
    host.leasedUntilMs = host.askedAtMs + grant.hostLeaseMs;
  }
}

/** How leases went since the last such question, and how many hosts have one now. */
function leases(): LeaseCounts & { readonly held: number } {
  const told = counts;
  counts = { granted: 0, refused: 0 };
  const now = performance.now();
  return { ...told, held: hosts.filter(({ leasedUntilMs }) => leasedUntilMs > now).length };
}

/** Has each host announce itself every so often, as real ones do besides their stream. */
function announce(intervalMs: number): void {
  announcing = hosts.map(({ client, host, incarnation }) => {
    const metadata = new Metadata();
    metadata.set(INCARNATION_KEY, incarnation.toString('hex'));
    const say = (): void => {
      const interval = { seconds: BigInt(intervalMs / 1_000), nanos: 0 };
      callUnary(
        client,
        schedulerV2.SchedulerService.announceHost,
        schedulerV2.AnnounceHostRequest.fromPartial({ host, interval }),
        { timeoutMs: ANNOUNCE_TIMEOUT_MS, metadata },
      ).catch(() => undefined); // The next one tells as much.
    };
    return setTimeout(() => {
      say();
      announcing.push(setInterval(say, intervalMs));
    }, Math.random() * intervalMs);
  });
}

/** From now on no host says anything that is no answer. */
function hush(): void {
  for (const timer of [...announcing, ...asking]) clearTimeout(timer);
}

function close(): void {
  hush();
  for (const { call, client } of hosts.splice(0)) {
    call.cancel();
    client.close();
  }
}

const commands = {
  open,
  announce,
  leases,
  hush,
  hold,
  release,
  answered: () => answeredAtMs,
  close,
};
answerParent(commands, close);
