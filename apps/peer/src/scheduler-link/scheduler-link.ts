import { setTimeout as delay } from 'node:timers/promises';
import {
  type CopyId,
  type TaskId,
  UnavailableError,
  chooseByRendezvous,
  toError,
} from '@pondhawk/core';
import type { commonV2 } from '@pondhawk/contracts';
import type { Log } from '@pondhawk/observability';
import { type Client, createClient } from '@pondhawk/rpc';
import type { CopyStore } from '../copies/index.js';
import { DeletionAnnouncer } from '../deletion/deletion-announcer.js';
import { Admission } from './admission.js';
import { BlockLists } from './block-lists.js';
import { type HostFacts, hostMessage } from './host-facts.js';
import {
  type SchedulerAddress,
  SchedulerDirectory,
  staticSchedulers,
} from './scheduler-directory.js';
import type { Owners } from './owned-copies.js';
import { SchedulerSession } from './scheduler-session.js';
import { SeedRegistration } from './seed-registration.js';

/** The list of schedulers is asked for again at least this often while it is empty. */
const LIST_INTERVAL_WHEN_EMPTY_MS = 10_000;
/** Longest wait at the start for a first scheduler to know this host. */
const FIRST_CONTACT_MS_MAX = 3_000;
const FIRST_CONTACT_LOOK_MS = 20;

/** Where schedulers are found. */
export interface SchedulerLinkSettings {
  readonly dataDir: string;
  /** `host:port` of the manager, if there is one. */
  readonly managerAddress?: string | undefined;
  /** Used instead of the manager's list when not empty. */
  readonly schedulerAddresses: readonly string[];
  readonly announceIntervalMs: number;
  /** How often the manager is asked again for schedulers and settings. */
  readonly listIntervalMs: number;
}

/**
 * This host's ties to the schedulers of its cluster: finds them, tells every one of them of the host
 * and of the copies whose tasks it owns, and knows which one owns a task.
 */
export class SchedulerLink extends DeletionAnnouncer {
  /** Whether schedulers take this daemon for its host. */
  readonly admission = new Admission();
  /** What the cluster forbids its hosts to pass on. */
  readonly blocks = new BlockLists();
  private readonly sessions = new Map<string, SchedulerSession>(); // By number and address.
  private readonly directory: SchedulerDirectory;
  private readonly abort = new AbortController();
  private manager: Client | undefined;
  private seed: SeedRegistration | undefined;
  private refreshing: Promise<void> | undefined;
  private uploadPort = 0;

  constructor(
    private readonly settings: SchedulerLinkSettings,
    readonly facts: HostFacts,
    private readonly copies: CopyStore,
    private readonly log: Log,
  ) {
    super();
    this.directory = new SchedulerDirectory(settings.dataDir, facts, log);
  }

  /** Starts to announce, and waits a moment for the first scheduler. @param uploadPort the bound port. */
  async start(uploadPort: number): Promise<void> {
    this.uploadPort = uploadPort;
    const { managerAddress, schedulerAddresses } = this.settings;
    if (schedulerAddresses.length > 0) this.use(staticSchedulers(schedulerAddresses));
    if (managerAddress !== undefined) this.manager = createClient(managerAddress);
    if (this.manager !== undefined && this.facts.type === 'super') {
      this.seed = new SeedRegistration(this.manager, this.facts, this.log);
      this.seed.start(uploadPort);
    }
    if (this.manager !== undefined && schedulerAddresses.length === 0) {
      await this.refresh(this.manager);
      this.refreshing = this.keepRefreshing(this.manager);
    }
    await this.waitForContact();
  }

  /** Ends everything; `sayGoodbye` on a clean stop. */
  async stop({ sayGoodbye } = { sayGoodbye: true }): Promise<void> {
    this.abort.abort();
    await this.seed?.stop();
    await this.refreshing;
    await Promise.all([...this.sessions.values()].map((session) => session.stop({ sayGoodbye })));
    this.sessions.clear();
    this.manager?.close();
  }

  /** The session with the scheduler that owns a task; undefined if none is known. One that answers is preferred. */
  findOwner(taskId: TaskId): SchedulerSession | undefined {
    const all = [...this.sessions.values()];
    const connected = all.filter((session) => session.isConnected);
    const candidates = connected.length > 0 ? connected : all;
    return candidates.length === 0 ? undefined : chooseByRendezvous(candidates, taskId);
  }

  /** The home scheduler of this host among those that answer; undefined while none does. */
  findHome(): SchedulerSession | undefined {
    const connected = [...this.sessions.values()].filter((session) => session.isConnected);
    return connected.length === 0 ? undefined : chooseByRendezvous(connected, this.facts.hostId);
  }

  /** The host as schedulers are told of it. */
  describeHost(): commonV2.Host {
    return hostMessage(this.facts, this.uploadPort);
  }

  /** Tells the scheduler that owns its task of a complete copy, soon. */
  announceCopy({ copyId, taskId }: { readonly copyId: CopyId; readonly taskId: TaskId }): void {
    const candidates = [...this.sessions.values()].filter((session) => session.isCandidate);
    if (candidates.length === 0) return; // Whoever is found is told then.
    chooseByRendezvous(candidates, taskId).announceCopy(copyId);
  }

  /** @throws UnavailableError (`SCHEDULERS_UNREACHABLE`) if there are schedulers and none was told yet; each is told later. */
  async announceDeleted(taskId: TaskId): Promise<void> {
    const sessions = [...this.sessions.values()];
    const told = await Promise.allSettled(sessions.map((one) => one.announceDeleted(taskId)));
    if (sessions.length > 0 && told.every((one) => one.status === 'rejected')) {
      throw new UnavailableError(
        'SCHEDULERS_UNREACHABLE',
        'No scheduler could be told of the deletion; each will be told later.',
      );
    }
  }

  private async keepRefreshing(manager: Client): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      const { listIntervalMs } = this.settings;
      const waitMs =
        this.sessions.size > 0
          ? listIntervalMs
          : Math.min(listIntervalMs, LIST_INTERVAL_WHEN_EMPTY_MS);
      await delay(waitMs, undefined, { signal }).catch(() => undefined); // Stopped.
      if (this.isStopped()) return;
      await this.refresh(manager);
    }
  }

  private isStopped(): boolean {
    return this.abort.signal.aborted;
  }

  private async refresh(manager: Client): Promise<void> {
    try {
      const { schedulers, settings } = await this.directory.fetch(manager);
      if (schedulers.length === 0) return; // What was said before holds.
      this.blocks.adopt(settings);
      this.use(schedulers);
    } catch (error) {
      this.log.warn('manager gave no schedulers', { err: toError(error) });
      if (this.sessions.size === 0) this.use(await this.directory.load());
    }
  }

  /** Sessions with exactly these schedulers from now on. */
  private use(list: readonly SchedulerAddress[]): void {
    const keyOf = ({ id, address }: SchedulerAddress): string => `${id} ${address}`;
    const wanted = new Set(list.map(keyOf));
    for (const [key, session] of this.sessions) {
      if (wanted.has(key)) continue;
      this.sessions.delete(key);
      session.stop({ sayGoodbye: false }).catch((error: unknown) => {
        this.log.warn('scheduler session did not end', { err: toError(error) });
      });
      this.reviewOwned();
    }
    for (const scheduler of list) {
      if (this.sessions.has(keyOf(scheduler)) || this.abort.signal.aborted) continue;
      const session = new SchedulerSession({
        scheduler,
        facts: this.facts,
        host: this.describeHost(),
        copies: this.copies,
        admission: this.admission,
        intervalMs: this.settings.announceIntervalMs,
        owners: () => this.listOwners(),
        onContact: () => this.reviewOwned(),
        log: this.log,
      });
      this.sessions.set(keyOf(scheduler), session);
      session.start();
    }
  }

  private listOwners(): Owners {
    const candidates = [...this.sessions.values()].filter((session) => session.isCandidate);
    return candidates.map(({ id }) => id).sort((a, b) => a - b);
  }

  private reviewOwned(): void {
    for (const session of this.sessions.values()) session.reviewOwned();
  }

  private async waitForContact(): Promise<void> {
    for (let waitedMs = 0; waitedMs < FIRST_CONTACT_MS_MAX; waitedMs += FIRST_CONTACT_LOOK_MS) {
      const sessions = [...this.sessions.values()];
      if (sessions.every((session) => session.isConnected)) return;
      if (this.admission.refusal !== undefined) return;
      await delay(FIRST_CONTACT_LOOK_MS);
    }
  }
}
