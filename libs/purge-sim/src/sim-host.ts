import type { TaskId } from '@pondhawk/core';
import {
  type CopyRow,
  type Grant,
  HostCopies,
  type HostLease,
  type LogState,
  type Place,
  type PurgeEntry,
} from '@pondhawk/purge';
import { checkSupplier, findParents } from './foreign-checks.js';
import { type TakenGrant, checkCopies, checkLease } from './host-checks.js';
import { type SimContext, SIM_TIMING } from './parts.js';
import type { Fleet } from './episodes.js';
import { SimForeign } from './sim-foreign.js';
import type { SimScheduler, SyncAnswer } from './sim-scheduler.js';
import { InvariantBroken } from './truth.js';
import { type SimNode, noTimeStood } from './world.js';

const SYNC_MS = 50;
const WORK_MS = 35;
const CHUNKS = 3;
/** Pieces of each task. */
const PIECES = 2;

/** When the oldest byte of a copy was read from its origin, and which pieces are there. */
interface Bytes {
  readAt: number;
  readonly pieces: Set<number>;
}

/** A host's disk, as a backup keeps it. */
interface Disk {
  readonly place: Place;
  readonly rows: readonly CopyRow[];
  readonly bytes: ReadonlyMap<string, Bytes>;
}

/** A host: copies on disk, a lease in memory. */
export class SimHost implements SimNode {
  isUp = true;
  life = 0;
  suspendedUntil = 0;
  readonly stood = noTimeStood();
  copies: HostCopies;
  home: SimScheduler;
  private bytes = new Map<string, Bytes>();
  private incarnation = '';
  /** Starts of this folder that are dead. */
  private outlived: string[] = [];
  private lock: string;
  private attempt = '';
  /** The stream on which it was told of the log. */
  private followed = '';
  private lastAnswer = 0;
  private heardOf = 0;
  private toldAt = 0; // When that was sent.
  private lease!: HostLease;
  private taken: TakenGrant[] = [];
  private stalledUntil = 0;
  private heldUntil = 0;
  private readonly sentAt = new Map<number, number>();
  private backup: Disk;

  constructor(
    private readonly context: SimContext,
    readonly name: string,
    readonly hostId: string,
    readonly rate: number,
    private readonly fleet: Omit<Fleet, 'manager'>,
  ) {
    this.copies = new HostCopies({ epoch: '', applied: 0 }, [], context.parts.rules);
    this.lock = context.newId('lock');
    const home = fleet.schedulers[Number(name.slice(1)) % fleet.schedulers.length];
    if (home === undefined) throw new RangeError('A cluster has a scheduler.');
    this.home = home;
    this.backup = this.disk();
    this.start();
  }

  /** A new incarnation: no lease, no open request (R6); fills of before are over. */
  start(): void {
    const { world, parts, newId } = this.context;
    if (this.incarnation !== '') this.outlived.push(this.incarnation);
    this.incarnation = newId('host');
    this.attempt = newId('attempt');
    this.taken = [];
    this.heardOf = 0;
    this.lastAnswer = world.now;
    this.sentAt.clear();
    this.lease = parts.newLease({
      incarnation: this.incarnation,
      readClocks: () => world.clocks(this),
      rules: parts.rules,
      former: this.lease,
    });
    const rows = this.copies.copies.filter(({ state }) => state === 'complete');
    this.copies = new HostCopies(this.copies.place, rows, parts.rules);
    this.isUp = true;
    this.tickSync();
    this.tickWork();
  }

  /** What is on this host's disk. */
  disk(): Disk {
    const bytes = new Map<string, Bytes>();
    for (const [id, { readAt, pieces }] of this.bytes)
      bytes.set(id, { readAt, pieces: new Set(pieces) });
    return { place: this.copies.place, rows: this.copies.copies.map((row) => ({ ...row })), bytes };
  }

  /** Keeps a copy of the disk for `restore`. */
  backUp(): void {
    this.backup = this.disk();
  }

  /** Puts a disk in the place of this one: another lock file. The daemon must be down. */
  restore(disk: Disk = this.backup): void {
    this.copies = new HostCopies(disk.place, disk.rows, this.context.parts.rules);
    this.bytes = new Map(disk.bytes);
    this.lock = this.context.newId('lock');
    this.outlived = [];
  }

  /** Another home, on a new stream. */
  moveTo(scheduler: SimScheduler): void {
    this.home = scheduler;
    this.attempt = this.context.newId('attempt');
  }

  /** Answers that are under way come later, to whichever start is there. */
  holdAnswers(ms: number): void {
    this.heldUntil = this.context.world.now + ms;
  }

  /** `DeleteTask` for one entry, whatever came before it. */
  called(epoch: string, entry: PurgeEntry): void {
    this.applyLater(epoch, [entry]);
  }

  /** Whether it has a copy or a complete one, as its scheduler would remember. */
  holds(taskId: TaskId): boolean {
    return this.copies.copies.some((row) => row.taskId === taskId && row.state === 'complete');
  }

  /** Whether it holds a lease now. */
  get isLeased(): boolean {
    return this.lease.isValid(this.copies.place);
  }

  /** Whether bytes may leave now, under a lease or without one. */
  get mayServe(): boolean {
    return this.lease.mayServe(this.copies.place);
  }

  /** Whether it is the start that is named, and may serve without having applied a number. */
  servesUnaware(incarnation: string | undefined, epochs: readonly string[], seq: number): boolean {
    const { place } = this.copies;
    if (!this.isUp || (incarnation ?? this.incarnation) !== this.incarnation) return false;
    return this.mayServe && (!epochs.includes(place.epoch) || place.applied < seq);
  }

  private tickSync(): void {
    const { world, newId } = this.context;
    if (world.now - this.lastAnswer > SIM_TIMING.hostLeaseMs) {
      this.attempt = newId('attempt');
      this.lastAnswer = world.now;
      this.home = world.prng.pick(this.fleet.schedulers) ?? this.home;
    }
    this.sync();
    world.tick(this, SYNC_MS * world.prng.between(0.8, 1.2), () => this.tickSync());
  }

  private hear(home: SimScheduler, answer: SyncAnswer): void {
    const { world } = this.context;
    const sentAt = world.now;
    world.send(home, this, () => {
      if (world.now >= this.heldUntil) this.take(answer, sentAt);
      else world.plan(this.heldUntil, () => this.isUp && this.take(answer, sentAt));
    });
  }

  private take(answer: SyncAnswer, sentAt: number): void {
    if (answer.attempt !== this.attempt) {
      // Another stream's; only a grant is looked at, as the rules have to refuse it.
      if (answer.grant !== undefined) this.takeGrant(answer.grant);
      return;
    }
    const { world, newId } = this.context;
    if (answer.isClosed) {
      this.attempt = newId('attempt');
      return;
    }
    this.lastAnswer = world.now;
    const { log, grant } = answer;
    if (log !== undefined) this.takeLog(log, sentAt, answer.entries);
    if (grant !== undefined) this.takeGrant(grant);
    if (log === undefined || this.followed === answer.attempt) return;
    // Told of the log for the first time on this stream: it asks for a lease at once.
    this.followed = answer.attempt;
    if (!this.isLeased) this.sync();
  }

  private takeLog(log: LogState, sentAt: number, entries: readonly PurgeEntry[] = []): void {
    const { epoch } = this.copies.place;
    // What a stream brings does not overtake one another.
    if (log.epoch === epoch ? log.head < this.heardOf : sentAt < this.toldAt) return;
    this.toldAt = Math.max(this.toldAt, sentAt);
    if (log.epoch !== epoch) this.lease.leaveLog();
    if (this.copies.follow(log)) {
      this.heardOf = 0;
      this.context.truth.coverage.dropped += 1;
      this.check();
    }
    this.heardOf = log.epoch === this.copies.place.epoch ? log.head : 0;
    if (entries.length > 0) this.applyLater(log.epoch, entries);
  }

  /** What came is applied a while later, as a disk has it. */
  private applyLater(epoch: string, entries: readonly PurgeEntry[]): void {
    const { world } = this.context;
    const { prng, faults } = world;
    if (prng.chance(faults.slowDisk)) this.stalledUntil = world.now + prng.between(300, 900);
    const ownMs = prng.chance(faults.busyDisk) ? prng.between(20, 150) : 4;
    const ms = Math.max(ownMs, this.stalledUntil - world.now);
    world.later(this, ms, () => {
      const former = this.copies.place;
      if (this.copies.apply(epoch, entries) === 0) return;
      const { place } = this.copies;
      if (place.epoch === former.epoch && place.applied < former.applied)
        throw new InvariantBroken('APPLIED_FELL', `${former.applied} to ${place.applied}`);
      this.check();
      this.sync();
    });
  }

  /** Answers at once, as a stream does. */
  private sync(): void {
    const { world, parts } = this.context;
    const { home, attempt, incarnation, lock, hostId } = this;
    const { place } = this.copies;
    const lease = this.lease.request();
    this.sentAt.set(lease.number, world.now);
    const answered = parts.rules.answeredNumber({
      applied: place.applied,
      heardOf: this.heardOf,
    });
    const request = {
      attempt,
      who: { hostId, incarnation, lock },
      outlived: [...this.outlived],
      ...{ lease, place, answered },
      told: this.lease.waiverOf(place.epoch),
    };
    world.send(this, home, () => home.sync(request, (answer) => this.hear(home, answer)));
  }

  private takeGrant(grant: Grant): void {
    if (!this.lease.take(grant)) return;
    const isOwn = grant.incarnation === this.incarnation;
    this.taken = this.taken.slice(-32);
    this.taken.push({ grant, sentAt: isOwn ? (this.sentAt.get(grant.number) ?? -1) : -1 });
  }

  private tickWork(): void {
    const { world } = this.context;
    if (world.prng.chance(0.6)) this.upload();
    else this.fill();
    world.tick(this, WORK_MS * world.prng.between(0.5, 1.5), () => this.tickWork());
  }

  /** Hands a complete copy to a foreign daemon, which says nothing of where it stands. */
  give(taskId: TaskId): number | undefined {
    const row = this.copies.copies.find(
      (copy) => copy.taskId === taskId && copy.state === 'complete' && this.bytes.has(copy.copyId),
    );
    if (row === undefined || !this.mayWrite(row, false)) return undefined;
    const readAt = this.bytes.get(row.copyId)?.readAt;
    if (readAt !== undefined) this.context.truth.serve(taskId, readAt, this.name);
    return readAt;
  }

  private upload(): void {
    const { prng } = this.context.world;
    const served = this.copies.copies.filter(({ copyId }) => this.bytes.has(copyId));
    const row = prng.pick(served);
    if (row !== undefined) this.writeChunk(row, 0, prng.chance(0.3) ? 90 : 3);
  }

  private writeChunk(row: Readonly<CopyRow>, chunk: number, everyMs: number): void {
    if (!this.mayWrite(row, chunk > 0)) return;
    const { world } = this.context;
    const bytes = this.bytes.get(row.copyId);
    if (bytes === undefined) return;
    const { readAt } = bytes;
    const { taskId } = row;
    if (world.prng.chance(world.faults.pause)) {
      // The process stops between the check and the write; bytes go with its next breath.
      const ms = SIM_TIMING.marginMs * world.prng.between(0.5, 0.95);
      world.suspend(this, ms, []);
      const { life } = this;
      world.plan(world.now + ms, () => {
        if (this.life === life) this.context.truth.serve(taskId, readAt, this.name);
      });
    } else this.context.truth.serve(taskId, readAt, this.name);
    if (chunk + 1 < CHUNKS)
      world.later(this, everyMs, () => this.writeChunk(row, chunk + 1, everyMs));
  }

  private mayWrite(row: Readonly<CopyRow>, isUnderWay: boolean): boolean {
    const { rules } = this.context.parts;
    const isWaived = this.lease.isWaived(this.copies.place);
    if (isWaived) this.context.truth.coverage.waived += 1;
    else if (this.isLeased)
      checkLease(this.taken, {
        now: this.context.world.now,
        rate: this.rate,
        place: this.copies.place,
      });
    const isLeaseValid = this.mayServe;
    return rules.mayWriteChunk({ isLeaseValid, state: row.state, isUnderWay });
  }

  private fill(): void {
    const { world, newId } = this.context;
    if (!this.isLeased) return; // Without a lease a download passes through.
    const { prng } = world;
    const taskId = prng.pick(this.fleet.tasks);
    if (taskId === undefined) return;
    if (this.copies.copies.some((row) => row.taskId === taskId && row.state !== 'purged')) return;
    this.copies.sweep();
    const row = this.copies.begin(newId('copy'), taskId);
    const parents = findParents(this.context, this.fleet);
    const child = { epoch: this.copies.place.epoch, applied: row.filledAt };
    for (let piece = 0; piece < PIECES; piece += 1) {
      const parent = prng.pick(parents);
      if (parent === undefined || parent === this || prng.chance(0.5)) {
        const readAt = world.now;
        const ms = prng.chance(0.3) ? prng.between(50, 400) : prng.between(2, 20);
        world.later(this, ms, () => this.store(row, piece, readAt));
      } else
        world.send(this, parent, () => {
          const readAt =
            parent instanceof SimHost ? parent.giveTo(child, taskId) : parent.give(taskId);
          if (parent instanceof SimForeign && readAt !== undefined)
            checkSupplier(this.context.truth, parent.name, this.name);
          if (readAt !== undefined) world.send(parent, this, () => this.store(row, piece, readAt));
        });
    }
    const { life } = this;
    world.later(this, 600, () => {
      if (this.life === life) this.copies.abort(row.copyId);
    });
  }

  private giveTo(child: Place, taskId: TaskId): number | undefined {
    const { truth, parts } = this.context;
    const row = this.copies.copies.find(
      (copy) => copy.taskId === taskId && this.bytes.has(copy.copyId),
    );
    const said = parts.rules.answerToChild(this.copies.place, row, child);
    if (said === 'BEHIND') truth.coverage.behind += 1;
    if (said === 'GONE') truth.coverage.gone += 1;
    if (said !== 'SEND' || row === undefined || !this.mayWrite(row, false)) return undefined;
    const readAt = this.bytes.get(row.copyId)?.readAt;
    if (readAt !== undefined) {
      truth.serve(taskId, readAt, this.name);
      truth.coverage.fromPeers += 1;
    }
    return readAt;
  }

  private store(piece: CopyRow, number: number, readAt: number): void {
    const row = this.copies.fillOf(piece);
    const { truth } = this.context;
    if (row === undefined) {
      truth.coverage.abortedFills += 1;
      return;
    }
    const bytes = this.bytes.get(row.copyId) ?? { readAt, pieces: new Set<number>() };
    bytes.readAt = Math.min(bytes.readAt, readAt);
    bytes.pieces.add(number);
    this.bytes.set(row.copyId, bytes);
    this.check();
    if (row.copyId !== piece.copyId || row.state !== 'filling')
      throw new InvariantBroken('PIECE_MISPLACED', `${piece.copyId} in ${row.copyId}`);
    if (bytes.pieces.size < PIECES) return;
    const { world } = this.context;
    world.later(this, 3, () => {
      if (this.copies.complete(row.copyId)) truth.coverage.completed += 1;
      this.check();
    });
  }

  private check(): void {
    const readAtOf = (copyId: string): number | undefined => this.bytes.get(copyId)?.readAt;
    checkCopies(this.context.truth, this.copies, readAtOf);
  }
}
