import { fromLogState, fromPurgeEntry, fromWaiver, type pondhawkV1 } from '@pondhawk/contracts';
import { UnavailableError, type TaskId } from '@pondhawk/core';
import { chainHash, NO_WAIVER, type LogState, type PurgeEntry, type Waiver } from '@pondhawk/purge';
import { ManagerCalls } from '../src/fleet/manager-calls.js';

/** A manager with a purge log in memory. */
export class FakeManager extends ManagerCalls {
  entries: PurgeEntry[] = [];
  epoch = 'e1'.repeat(16);
  first = 1;
  isAway = false;
  waiver: Waiver = NO_WAIVER;
  allowForeignParents = false;
  run = Buffer.alloc(16, 1);
  lengths = { schedulerLeaseMs: 4_000, hostLeaseMs: 4_000 };
  readonly enrolments: Parameters<ManagerCalls['enrol']>[0][] = [];
  /** Hosts and how far they were told to be, as told. */
  readonly progress: [hostId: string, applied: number][] = [];
  readonly later: pondhawkV1.LaterOutcome[] = [];
  readonly histories: { readonly hostId: string; readonly seq: number }[] = [];
  listCount = 0;

  /** Accepts a delete. @returns its number. */
  accept(taskId: string): number {
    const former = this.entries.at(-1);
    const seq = (former?.seq ?? this.first - 1) + 1;
    const id = taskId as TaskId;
    this.entries.push({
      seq,
      taskId: id,
      chainHash: chainHash(former?.chainHash ?? '', seq, id),
    });
    return seq;
  }

  get state(): LogState {
    const newest = this.entries.at(-1);
    return {
      epoch: this.epoch,
      first: this.first,
      head: newest?.seq ?? this.first - 1,
      headHash: newest?.chainHash ?? '',
    };
  }

  /** Host ids that are connected by what was enrolled. */
  get connected(): string[] {
    const hosts = new Map<string, bigint>();
    for (const { opened, closed } of this.enrolments) {
      for (const { host, connection } of opened) hosts.set(host?.id ?? '', connection);
      for (const { hostId, connection } of closed) {
        if (hosts.get(hostId) === connection) hosts.delete(hostId);
      }
    }
    return [...hosts.keys()];
  }

  override async enrol(
    request: Parameters<ManagerCalls['enrol']>[0],
  ): Promise<pondhawkV1.EnrolResponse> {
    await this.answer();
    this.enrolments.push(request);
    return { log: fromLogState(this.state), run: this.run, waiver: fromWaiver(this.waiver) };
  }

  override async getView(): Promise<pondhawkV1.GetViewResponse> {
    await this.answer();
    const { lengths, allowForeignParents } = this;
    return {
      ...{ log: fromLogState(this.state), run: this.run, ...lengths, allowForeignParents },
      waiver: fromWaiver(this.waiver),
    };
  }

  override async listPurges(after: number, limit: number): Promise<pondhawkV1.ListPurgesResponse> {
    await this.answer();
    this.listCount += 1;
    const entries = this.entries.filter(({ seq }) => seq > after).slice(0, limit);
    return { log: fromLogState(this.state), entries: entries.map(fromPurgeEntry) };
  }

  override async reportLater({
    outcomes,
  }: Parameters<ManagerCalls['reportLater']>[0]): Promise<void> {
    await this.answer();
    this.later.push(...outcomes);
  }

  override async reportProgress({
    hosts,
  }: Parameters<ManagerCalls['reportProgress']>[0]): Promise<void> {
    await this.answer();
    for (const { hostId, applied } of hosts) this.progress.push([hostId, Number(applied)]);
  }

  override async reportOtherHistory({
    hostId,
    seq,
  }: Parameters<
    ManagerCalls['reportOtherHistory']
  >[0]): Promise<pondhawkV1.ReportOtherHistoryResponse> {
    await this.answer();
    this.histories.push({ hostId, seq: Number(seq) });
    this.first = Math.max(this.state.head, Number(seq)) + 1;
    this.epoch = 'e2'.repeat(16);
    this.entries = [];
    return { log: fromLogState(this.state) };
  }

  private async answer(): Promise<void> {
    await Promise.resolve();
    if (this.isAway) throw new UnavailableError('NOT_REGISTERED', 'The manager is away.');
  }
}
