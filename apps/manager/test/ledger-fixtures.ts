import { randomUUID } from 'node:crypto';
import type { TargetOutcome } from '@pondhawk/jobs';
import { LeaseBook, PurgeWitness, type WitnessedLogs } from '../src/ledger/index.js';
import type {
  AcceptJob,
  HostRecord,
  Ledger,
  OrderReport,
  OutboxMessage,
  TargetReport,
} from '../src/ledger/index.js';

/** When every test begins. */
export const START_MS = 1_760_000_000_000;

/** A host by number; names sort as numbers do. */
export function aHost(index: number): HostRecord {
  const name = `h${String(index).padStart(5, '0')}`;
  return {
    id: `10.0.0.1-${name}`,
    host_name: name,
    type: 'normal',
    idc: 'idc-1',
    location: 'eu|de',
    ip: '10.0.0.1',
    port: 4000,
    download_port: 4000,
    os: 'linux',
    platform: 'debian',
    platform_family: 'debian',
    platform_version: '12',
    kernel_version: '6.1',
    git_version: '',
    git_commit: '',
    build_platform: '',
  };
}

/** What a scheduler says of a host. */
export function aTarget(
  index: number,
  outcome: TargetOutcome,
  facts: Partial<TargetReport> = {},
): TargetReport {
  const host = aHost(index);
  return {
    node: `host:${host.id}`,
    host,
    try: outcome === 'pending' ? 0 : 1,
    outcome,
    attempts: outcome === 'pending' ? 0 : 1,
    started_at_ms: START_MS + 10,
    ...(outcome === 'pending' ? {} : { ended_at_ms: START_MS + 20 }),
    ...(outcome === 'deleted' ? { deleted_bytes: 100 } : {}),
    ...(outcome === 'failed' ? { code: 'HOST_UNREACHABLE', message: 'No answer.' } : {}),
    ...facts,
  };
}

/** A delete of every cluster. */
export function aJob(facts: Partial<AcceptJob> = {}): AcceptJob {
  return {
    atMs: START_MS,
    type: 'delete_task',
    args: { task_id: 'a'.repeat(64) },
    orderArgs: { task_id: 'a'.repeat(64) },
    spec: { timeoutMs: 60_000, parallelism: 5, failureStrategy: 'CONTINUE' },
    bio: '',
    userId: 0,
    uuid: randomUUID(),
    ...facts,
  };
}

const places = new WeakMap<OutboxMessage, Map<number, { run: number; count: number }>>();
let runs = 0;

/** The next place among the reports of an attempt that were made for this message. */
function nextPlace(
  message: OutboxMessage,
  attempt: number,
): Pick<OrderReport, 'run_started_at_ms' | 'number'> {
  const ofMessage = places.get(message) ?? new Map<number, { run: number; count: number }>();
  places.set(message, ofMessage);
  const place = ofMessage.get(attempt) ?? { run: (runs += 1), count: 0 };
  ofMessage.set(attempt, place);
  place.count += 1;
  return { run_started_at_ms: START_MS + place.run, number: place.count };
}

/** A report of the attempt that a message carries. */
export function aReport(
  message: OutboxMessage,
  targets: readonly TargetReport[],
  facts: Partial<OrderReport> = {},
): OrderReport {
  return {
    report_id: randomUUID(),
    order_id: message.orderId,
    job_id: message.jobId,
    attempt: 1,
    scheduler_id: message.schedulerId,
    scheduler_cluster_id: message.clusterId,
    ...nextPlace(message, facts.attempt ?? 1),
    targets,
    is_last: false,
    ...facts,
  };
}

/** Registers schedulers `s1`, `s2`, … of cluster 1 and lets each send a keepalive at `atMs`. */
export async function startSchedulers(
  { writer }: Ledger,
  count: number,
  atMs = START_MS,
): Promise<number[]> {
  const ids: number[] = [];
  for (let index = 1; index <= count; index += 1) {
    const key = { atMs, clusterId: 1, hostName: `s${index}`, ip: '127.0.0.1' };
    const { id } = await writer.execute('upsert-scheduler', {
      ...key,
      port: 8000 + index,
      idc: '',
      location: '',
      features: ['schedule'],
      keepAliveIntervalMs: 5_000,
    });
    await writer.execute('keep-alive', { ...key, source: 'scheduler' });
    ids.push(id);
  }
  return ids;
}

/** A witness that lives as long as the test. */
export class MemoryWitness extends PurgeWitness {
  logs: WitnessedLogs | undefined;

  override async read(): Promise<WitnessedLogs | undefined> {
    return Promise.resolve(this.logs);
  }

  override async restart(logs: WitnessedLogs): Promise<void> {
    this.logs = logs;
    return Promise.resolve();
  }

  override async record({ epoch, heads, waivers }: WitnessedLogs): Promise<void> {
    const former = this.logs?.epoch === epoch ? this.logs : { heads: [], waivers: [] };
    return this.restart({
      epoch,
      heads: new Map([...former.heads, ...heads]),
      waivers: new Map([...former.waivers, ...waivers]),
    });
  }
}

/** By how much the clock that leases are counted with is ahead of the machine's. */
export const leaseClock = { aheadMs: 0 };

/** What opening a ledger takes, with a witness of its own. */
export const OPEN_OPTIONS = {
  nowMs: START_MS,
  brokerEpoch: 'ab'.repeat(16),
  purgeEpoch: 'e1'.repeat(16),
  /** One each time this is spread. */
  get leases(): LeaseBook {
    const timing = { schedulerLeaseMs: 4_000, hostLeaseMs: 4_000, marginMs: 2_000 };
    return new LeaseBook({ timing, monotonicMs: () => performance.now() + leaseClock.aheadMs });
  },
};

/** Ends whatever time has run out for, however many commands it takes. */
export async function expireAll({ reader, writer }: Ledger, atMs: number): Promise<void> {
  while ((await reader.findOverdue(atMs)).jobs) await writer.execute('expire-jobs', { atMs });
}

/** Connects hosts 1 to `count` to a scheduler, each by the connection of its own number. */
export async function enrolHosts(
  { writer }: Ledger,
  schedulerId: number,
  count: number,
  facts: { readonly atMs?: number; readonly incarnation?: string } = {},
): Promise<void> {
  await writer.execute('enrol-hosts', {
    atMs: facts.atMs ?? START_MS,
    clusterId: 1,
    schedulerId,
    schedulerIncarnation: facts.incarnation ?? '51'.repeat(16),
    opened: Array.from({ length: count }, (_, index) => ({
      host: aHost(index + 1),
      incarnation: 'aa'.repeat(16),
      connection: index + 1,
      leased: { folderLock: 'cc'.repeat(16) },
    })),
    closed: [],
  });
}
