import { toInventoryChange, type commonV2, type pondhawkV1 } from '@pondhawk/contracts';
import type { HostId, TaskId } from '@pondhawk/core';

/** Most hosts remembered of one task: those beyond are reached by their streams alone. */
export const HOLDERS_PER_TASK_MAX = 300;
/** Most pairs of host and task remembered in all; beyond, no more are. */
export const HOLDINGS_MAX = 1_000_000;
/** Most of them of one host, so that none takes the place of all others. */
export const HOLDINGS_PER_HOST_MAX = 100_000;
/** Most hosts without a stream whose inventory is kept, so that it need not be told again. */
export const ABSENT_HOSTS_MAX = 10_000;

interface Holding {
  readonly taskId: TaskId;
  readonly hosts: Set<HostId>;
}

interface Inventory {
  readonly incarnation: string;
  readonly host: commonV2.Host | undefined;
  readonly tasks: Set<TaskId>; // Of those that are remembered.
  revision: number | undefined; // Told up to here; undefined until everything was told once.
}

/**
 * Which of the hosts that this scheduler is home of hold or fill a task, as they tell on their
 * streams. It decides who is called about a purge besides the stream, and need not be complete: what
 * is not remembered is reached all the same, as every host gets every entry.
 */
export class Holders {
  private readonly inventories = new Map<HostId, Inventory>(); // Of hosts with a stream.
  private readonly absent = new Map<HostId, Inventory>(); // Of those without, longest gone first.
  private readonly byTask = new Map<TaskId, Holding>();
  private holdings = 0;

  constructor(private readonly holdingsMax = HOLDINGS_MAX) {}

  /** Number of pairs of host and task. */
  get size(): number {
    return this.holdings;
  }

  /** A host has opened its stream. */
  connect(hostId: HostId, incarnation: string, host?: commonV2.Host): void {
    const known = this.inventories.get(hostId) ?? this.absent.get(hostId);
    this.absent.delete(hostId);
    if (known?.incarnation === incarnation) {
      this.inventories.set(hostId, { ...known, host });
      return;
    }
    this.clear(hostId, known);
    this.inventories.set(hostId, { incarnation, host, tasks: new Set(), revision: undefined });
  }

  /** Its stream has ended: what it told is kept for when it comes back. */
  disconnect(hostId: HostId): void {
    const inventory = this.inventories.get(hostId);
    if (inventory === undefined) return;
    this.inventories.delete(hostId);
    this.absent.set(hostId, inventory);
    if (this.absent.size > ABSENT_HOSTS_MAX) this.forgetLongestGone();
  }

  /** The host leaves. */
  forget(hostId: HostId): void {
    this.clear(hostId, this.inventories.get(hostId) ?? this.absent.get(hostId));
    this.inventories.delete(hostId);
    this.absent.delete(hostId);
  }

  /** What a host with a stream need not tell again. */
  stateOf(hostId: HostId): pondhawkV1.SyncInventoryState {
    const revision = this.inventories.get(hostId)?.revision;
    return { isKnown: revision !== undefined, revision: BigInt(revision ?? 0) };
  }

  /** Takes what a host with a stream tells. @throws InvalidArgumentError (`INVALID_TASK_ID`, `INVENTORY_TOO_LONG`): nothing is taken then. */
  take(hostId: HostId, message: pondhawkV1.SyncInventory): void {
    const inventory = this.inventories.get(hostId);
    if (inventory === undefined) return;
    const { held, gone } = toInventoryChange(message);
    if (message.isStart) {
      this.clear(hostId, inventory);
      inventory.revision = undefined;
    }
    for (const taskId of held) this.add(hostId, inventory, taskId);
    for (const taskId of gone) this.remove(hostId, inventory, taskId);
    if (message.isCurrent) inventory.revision = Number(message.revision);
  }

  /** Whether a host is known to hold or fill a task. */
  has(hostId: HostId, taskId: TaskId): boolean {
    return this.byTask.get(taskId)?.hosts.has(hostId) === true;
  }

  /** Hosts without a stream that held or filled a task when it ended. */
  absentHoldersOf(taskId: TaskId): readonly commonV2.Host[] {
    const hosts = this.byTask.get(taskId)?.hosts ?? new Set<HostId>();
    return [...hosts].flatMap((hostId) => this.absent.get(hostId)?.host ?? []);
  }

  private add(hostId: HostId, inventory: Inventory, taskId: TaskId): void {
    if (inventory.tasks.has(taskId) || inventory.tasks.size >= HOLDINGS_PER_HOST_MAX) return;
    if (this.holdings >= this.holdingsMax) this.forgetLongestGone();
    const known = this.byTask.get(taskId);
    if (this.holdings >= this.holdingsMax || (known?.hosts.size ?? 0) >= HOLDERS_PER_TASK_MAX)
      return;
    // The id of the first word is used for all: each message brings its text anew.
    const holding = known ?? { taskId, hosts: new Set<HostId>() };
    this.byTask.set(holding.taskId, holding);
    holding.hosts.add(hostId);
    inventory.tasks.add(holding.taskId);
    this.holdings += 1;
  }

  private remove(hostId: HostId, inventory: Inventory, taskId: TaskId): void {
    if (!inventory.tasks.delete(taskId)) return;
    const hosts = this.byTask.get(taskId)?.hosts;
    hosts?.delete(hostId);
    if (hosts?.size === 0) this.byTask.delete(taskId);
    this.holdings -= 1;
  }

  private clear(hostId: HostId, inventory: Inventory | undefined): void {
    if (inventory === undefined) return;
    for (const taskId of [...inventory.tasks]) this.remove(hostId, inventory, taskId);
  }

  private forgetLongestGone(): void {
    const [hostId] = this.absent.keys();
    if (hostId !== undefined) this.forget(hostId);
  }
}
