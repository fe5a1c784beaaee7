import { ConflictError, PondhawkError, toError } from '@pondhawk/core';
import {
  choosePieceLengthBytes,
  countPieces,
  formatContentDigest,
  mayBeSameVersion,
} from '@pondhawk/pieces';
import type { commonV2 } from '@pondhawk/contracts';
import { type Copy, CopyPurgedError, type CopyStore, type Fill } from '../copies/index.js';
import { originChanged } from '../origin/index.js';
import { ChangeSignal, Parent, ParentFetcher, PieceDigests, refusalOf } from '../parents/index.js';
import type { SchedulerSession } from '../scheduler-link/index.js';
import type { DownloadSpec } from './download-spec.js';
import type { FillParts } from './fill-parts.js';
import { orAborted } from './or-aborted.js';
import { OriginFill } from './origin-fill.js';
import { type Decision, PeerAnnouncement } from './peer-announcement.js';
import { PieceReport } from './piece-report.js';
import { toContentValidator } from './stored-validator.js';
import { checkWholeDigest } from './whole-digest.js';

/** Decisions of the scheduler that one fill follows before it goes to the origin by itself. */
export const SCHEDULES_MAX = 5;
/** Copies begun for one download: a content that changes again and again is given up. */
export const VERSIONS_MAX = 2;
/** Copies begun in a row because each was purged before its first byte was asked for. */
export const BEGINNINGS_MAX = 5;
/** Longest wait for the scheduler to tell length and version of a content that parents hold. */
export const SHAPE_MS_MAX = 5_000;
/** After these the copy is no use to anybody. */
const FATAL_CODES = ['ORIGIN_CHANGED', 'DIGEST_MISMATCH', 'DISK_FULL', 'FILL_INCOMPLETE'];

/** One go at a copy: the fill and who is spoken to about it. */
interface Going {
  readonly fill: Fill;
  readonly session: SchedulerSession | undefined;
  readonly announcement: PeerAnnouncement | undefined;
  readonly digests: PieceDigests;
  readonly report: PieceReport | undefined;
  readonly change: ChangeSignal;
  readonly signal: AbortSignal;
  readonly parents: Map<string, Parent>;
}

/**
 * The filling of one task on this host, for all who ask for it meanwhile.
 *
 * From parents as the scheduler says; what they do not give, and everything when there is no
 * scheduler, from the origin. All pieces are of one version: when another shows, the copy is thrown
 * away and a new one begun, once.
 */
export class FillRun {
  readonly finished: Promise<Copy>;
  /** Kept when its file is closed: another run may fill the task. */
  readonly released: Promise<void>;
  private readonly abort = new AbortController(); // The daemon stops.
  private readonly waiting = new Set<(copy: Copy) => void>(); // Until the content is known.
  private ended = false; // Set before `finished` settles.
  private fill: Fill | undefined; // The newest one, from the moment in which a purge ends the run.
  private release: () => void = () => undefined; // Keeps `released`.
  private isOriginAllowed: boolean; // By any of those who asked for it.
  private known: Copy | undefined; // Its length and version are known, as far as the origin tells.

  constructor(
    private readonly spec: DownloadSpec,
    private readonly parts: FillParts,
    /** Of a purged run of the same task: this one begins after it. */
    former: Promise<void> = Promise.resolve(),
  ) {
    this.isOriginAllowed = !spec.disableBackToSource;
    this.released = new Promise((resolve) => (this.release = resolve));
    this.finished = former
      .then(() => this.run())
      .finally(() => {
        this.ended = true;
        this.release();
      });
    this.finished.catch(() => undefined); // Those who wait get it; a run nobody waits for may fail.
  }

  /** Whether it may be joined. It has ended, or its copy was purged: who comes now needs another run. */
  get isOpen(): boolean {
    return !this.ended && this.fill?.signal.aborted !== true;
  }

  /** Another caller asks for the same: what he allows is allowed from now on. */
  join(spec: DownloadSpec): void {
    this.isOriginAllowed ||= !spec.disableBackToSource;
  }

  /** The copy, once its content is known. Rejects if the fill fails before. */
  async content(): Promise<Copy> {
    if (this.known !== undefined) return this.known;
    let tell: (copy: Copy) => void = () => undefined;
    const told = new Promise<Copy>((resolve) => (tell = resolve));
    this.waiting.add(tell);
    try {
      return await Promise.race([told, this.finished]);
    } finally {
      this.waiting.delete(tell);
    }
  }

  /** Ends the run; the copy stays resumable. */
  async stop(): Promise<void> {
    this.abort.abort(new ConflictError('FILL_STOPPED', 'The daemon stops.'));
    await this.finished.catch(() => undefined);
  }

  private async run(): Promise<Copy> {
    for (let version = 1; ; version += 1) {
      const going = await this.begin();
      try {
        return await this.fillOnce(going);
      } catch (thrown) {
        const error = reasonOf(thrown, going.signal);
        await this.giveUp(going, error);
        this.known = undefined;
        const isAnotherVersion = error instanceof PondhawkError && error.code === 'ORIGIN_CHANGED';
        if (!isAnotherVersion || version === VERSIONS_MAX) throw error;
        this.parts.log.warn('content changed during the download', { taskId: this.spec.taskId });
      } finally {
        going.digests.stop();
        for (const parent of going.parents.values()) parent.stop();
      }
    }
  }

  private async begin(): Promise<Going> {
    const { link, log } = this.parts;
    const { taskId } = this.spec;
    const fill = await this.openFill();
    const session = link.findOwner(taskId);
    const announcement = session && new PeerAnnouncement(session, link.facts, taskId, log);
    const change = new ChangeSignal();
    const signal = AbortSignal.any([fill.signal, this.abort.signal]);
    signal.addEventListener('abort', () => change.notify(), { once: true });
    const digests = new PieceDigests({ taskId, hostId: link.facts.hostId }, change, log);
    const peerId = announcement?.peerId;
    const report =
      session && peerId && new PieceReport({ session, facts: link.facts, taskId, peerId, log });
    return { fill, session, announcement, digests, report, change, signal, parents: new Map() };
  }

  /** A purge that comes before the first byte was asked for ends nothing: the copy after it is begun. */
  private async openFill(): Promise<Fill> {
    for (let beginning = 1; ; beginning += 1) {
      this.abort.signal.throwIfAborted();
      try {
        const fill = await this.tryOpenFill();
        this.fill = fill;
        // In the turn in which it is seen to be unpurged: a purge from here on ends the run.
        fill.signal.throwIfAborted();
        return fill;
      } catch (error) {
        const { fill } = this;
        this.fill = undefined;
        await fill?.close();
        if (!(error instanceof CopyPurgedError) || beginning === BEGINNINGS_MAX) throw error;
      }
    }
  }

  private async tryOpenFill(): Promise<Fill> {
    const { copies } = this.parts;
    const resumed = await copies.resumeFill(this.spec.taskId);
    return resumed ?? copies.beginFill(this.newCopy());
  }

  private newCopy(): Parameters<CopyStore['beginFill']>[0] {
    const { taskId, url, tag, application, filteredQueryParams, pieceLength, digest } = this.spec;
    return {
      taskId,
      url,
      tag,
      application,
      filteredQueryParams,
      pieceLength: pieceLength ?? choosePieceLengthBytes(0),
      validator: { etag: '', lastModified: '' },
      ...(digest === undefined ? {} : { digest: formatContentDigest(digest) }),
    };
  }

  private async fillOnce(going: Going): Promise<Copy> {
    const { fill, announcement, report } = going;
    let decision = await this.register(going);
    for (let schedule = 1; decision.kind === 'parents'; schedule += 1) {
      await this.takeFromParents(going, decision.parents);
      if (isWhole(fill)) break;
      decision = await this.reschedule(going, schedule);
    }
    const fromOrigin = !isWhole(fill);
    if (fromOrigin) await this.takeFromOrigin(going);
    const { contentLength } = fill.copy;
    if (contentLength === undefined) throw originChanged();
    const { digest } = this.spec;
    if (digest !== undefined) await checkWholeDigest((into, at) => fill.read(into, at), digest);
    const copy = await fill.complete({ contentLength });
    this.release();
    this.parts.link.announceCopy(copy);
    await report?.end();
    await announcement?.finished({ fromOrigin });
    return copy;
  }

  private async register(going: Going): Promise<Decision> {
    const { session, announcement, digests } = going;
    if (session === undefined || announcement === undefined) return { kind: 'origin' };
    digests.start(session.client);
    const { taskId, message } = this.spec;
    this.parts.log.debug('registering', { taskId, scheduler: session.address });
    return this.decide(going, announcement.register(message));
  }

  private async reschedule(going: Going, schedule: number): Promise<Decision> {
    going.signal.throwIfAborted();
    if (schedule === SCHEDULES_MAX || going.announcement === undefined) return { kind: 'origin' };
    const peers = [...going.parents.values()].map((parent) => parent.peer);
    return this.decide(going, going.announcement.reschedule(peers));
  }

  private async decide({ signal }: Going, decision: Promise<Decision>): Promise<Decision> {
    return orAborted(
      decision.catch((error: unknown) => this.alone(error)),
      signal,
    );
  }

  private alone(error: unknown): Decision {
    this.parts.log.warn('downloading without a scheduler', {
      taskId: this.spec.taskId,
      err: toError(error),
    });
    return { kind: 'origin' };
  }

  private async takeFromParents(going: Going, peers: readonly commonV2.Peer[]): Promise<void> {
    const { fill, announcement, digests, change, signal, parents } = going;
    const { downloadLimiter, random, concurrentPieceCount } = this.parts;
    this.meetParents(going, peers);
    announcement?.started();
    if (!(await this.learnShape(going))) return;
    const chosen = peers.flatMap((peer) => parents.get(peer.id) ?? []);
    await new ParentFetcher({
      fill,
      parents: chosen,
      digests,
      change,
      limiter: downloadLimiter,
      random,
      concurrentPieceCount,
      signal,
      pieceCount: () => {
        this.adoptShape(going);
        return pieceCountOf(fill);
      },
      onPiece: (piece) => announcement?.pieceFinished(piece),
      onPieceFailed: (number, parent, error) => {
        this.parts.log.debug('piece failed', { number, parentId: parent.id, err: error });
        const refusal = refusalOf(error);
        if (refusal !== undefined) this.parts.onParentRefused(refusal);
        // One that waits for its lease is no bad parent.
        if (refusal !== 'no_lease') announcement?.pieceFailed(number, parent.id);
      },
    }).run();
  }

  private meetParents(going: Going, peers: readonly commonV2.Peer[]): void {
    const { taskId } = this.spec;
    const { hostId } = this.parts.link.facts;
    const { logEpoch, filledAt } = going.fill.copy;
    for (const peer of peers) {
      if (going.parents.has(peer.id) || peer.host === undefined || peer.host.id === hostId)
        continue;
      const task = { taskId, hostId, logEpoch, filledAt };
      const parent = new Parent(peer, task, going.change, this.parts.log);
      going.parents.set(peer.id, parent);
      parent.start();
    }
  }

  /** @returns false if the scheduler does not tell length and version in time. */
  private async learnShape(going: Going): Promise<boolean> {
    const { digests, change, signal } = going;
    const untilMs = performance.now() + SHAPE_MS_MAX;
    while (!this.adoptShape(going)) {
      signal.throwIfAborted();
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || digests.hasEnded) return false;
      await change.wait(leftMs);
    }
    return true;
  }

  /** Takes over what the scheduler knows of the content. @throws ConflictError (`ORIGIN_CHANGED`) if the pieces on disk are of another version. */
  private adoptShape({ fill, digests }: Going): boolean {
    const { content } = digests;
    if (content === undefined) return false;
    const { copy } = fill;
    const isSame =
      mayBeSameVersion(toContentValidator(copy.validator), toContentValidator(content.validator)) &&
      (fill.pieces.size === 0 || copy.pieceLength === content.pieceLength);
    if (!isSame) throw originChanged();
    const isNews = this.known === undefined || copy.contentLength !== content.contentLength;
    if (!isNews) return true;
    fill.update({
      validator: { ...copy.validator, ...content.validator },
      pieceLength: content.pieceLength,
      ...(content.contentLength === undefined ? {} : { contentLength: content.contentLength }),
    });
    this.tellContent(fill.copy);
    return true;
  }

  private async takeFromOrigin(going: Going): Promise<void> {
    const { fill, announcement, report, signal } = going;
    const { origin, originLimiter, faults, random, link } = this.parts;
    const { url, headers, pieceLength } = this.spec;
    if (!this.isOriginAllowed) {
      throw new ConflictError(
        'BACK_TO_SOURCE_DISABLED',
        'No parent gives the content, and going to the origin was not allowed.',
      );
    }
    announcement?.backToSourceStarted();
    const contentLength = await new OriginFill({
      fill,
      origin,
      limiter: originLimiter,
      faults,
      random,
      signal,
      hostId: link.facts.hostId,
      url,
      headers,
      pieceLength,
      onContent: () => {
        report?.tell(fill.copy, [...fill.pieces.values()]);
        this.tellContent(fill.copy);
      },
      onPiece: (piece) => {
        announcement?.pieceFinished(piece);
        report?.tell(fill.copy, [piece]);
      },
    }).run();
    if (fill.copy.contentLength === undefined) {
      fill.update({ contentLength });
      report?.tell(fill.copy, []);
    }
  }

  private tellContent(copy: Copy): void {
    this.known = copy;
    for (const tell of this.waiting) tell(copy);
  }

  /** Keeps whole pieces for the next try where they may be of use, else leaves nothing. */
  private async giveUp({ fill, announcement, report }: Going, error: Error): Promise<void> {
    const isFatal = error instanceof PondhawkError && FATAL_CODES.includes(error.code);
    const isPurged = fill.signal.aborted;
    if (isPurged) this.parts.onAborted();
    if (!isPurged && (isFatal || fill.pieces.size === 0)) await fill.abort();
    else await fill.close();
    this.release();
    await report?.end();
    await announcement?.failed({ fromOrigin: true, description: error.message });
  }
}

/** A fill that is purged or stopped in the middle of anything has that as its reason, whatever broke by it. */
function reasonOf(thrown: unknown, signal: AbortSignal): Error {
  const isClear = thrown instanceof CopyPurgedError || !signal.aborted;
  return toError(isClear ? thrown : signal.reason);
}

function pieceCountOf(fill: Fill): number | undefined {
  const { contentLength, pieceLength } = fill.copy;
  return contentLength === undefined ? undefined : countPieces(contentLength, pieceLength);
}

function isWhole(fill: Fill): boolean {
  return fill.pieces.size === pieceCountOf(fill);
}
