import {
  ConflictError,
  PondhawkError,
  ResourceExhaustedError,
  type TaskId,
  toError,
} from '@pondhawk/core';
import type { Copy } from '../copies/index.js';
import type { DownloadSpec } from './download-spec.js';
import type { FillParts } from './fill-parts.js';
import { FillRun } from './fill-run.js';

/** Fills under way at once; a further download is refused. */
export const FILLS_MAX = 1_024;

/** Where a download's bytes come from: a copy that is here, or one that is being filled. */
export type Source =
  { readonly kind: 'copy'; readonly copy: Copy } | { readonly kind: 'run'; readonly run: FillRun };

/**
 * At most one fill a task; who asks for a task that is being filled joins it, and may leave without
 * ending it. Who asks for one whose fill was purged gets another, which begins when that one has let go.
 */
export class FillEngine {
  private readonly runs = new Map<TaskId, FillRun>();
  private isStopped = false;

  constructor(private readonly parts: FillParts) {}

  /** Number of fills under way. */
  get size(): number {
    return this.runs.size;
  }

  /**
   * The complete copy of a task, or its fill, begun if need be. A copy found here is announced: a
   * scheduler may not know of it.
   *
   * @throws ConflictError (`FILL_STOPPED`), ResourceExhaustedError (`TOO_MANY_FILLS`).
   */
  join(spec: DownloadSpec): Source {
    const running = this.runs.get(spec.taskId);
    if (running?.isOpen === true) {
      running.join(spec);
      return { kind: 'run', run: running };
    }
    const { copies, link, log } = this.parts;
    const copy = copies.findComplete(spec.taskId);
    if (copy !== undefined) {
      link.announceCopy(copy);
      return { kind: 'copy', copy };
    }
    if (this.isStopped) throw new ConflictError('FILL_STOPPED', 'The daemon stops.');
    if (this.runs.size >= FILLS_MAX) {
      throw new ResourceExhaustedError('TOO_MANY_FILLS', 'This host fills too many tasks at once.');
    }
    const run = new FillRun(spec, this.parts, running?.released);
    this.runs.set(spec.taskId, run);
    run.finished
      .then(({ copyId, contentLength }) => {
        log.info('copy complete', { taskId: spec.taskId, copyId, contentLength });
      })
      .catch((error: unknown) => {
        const code = error instanceof PondhawkError ? error.code : undefined;
        log.warn('download failed', { taskId: spec.taskId, code, err: toError(error) });
      })
      .finally(() => {
        if (this.runs.get(spec.taskId) === run) this.runs.delete(spec.taskId);
      });
    return { kind: 'run', run };
  }

  /** Ends all fills; they stay resumable. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all([...this.runs.values()].map((run) => run.stop()));
  }
}
