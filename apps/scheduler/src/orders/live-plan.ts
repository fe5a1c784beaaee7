import { commonV2, type pondhawkV1 } from '@pondhawk/contracts';
import { toError, type Clock } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';

/** What a plan is kept good with. */
export interface LivePlanParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Asks for the plan anew. */
  readonly load: () => Promise<pondhawkV1.GetPreheatResponse>;
}

/**
 * What a preheat fetches. Headers that may have ended, as the tokens of registries do, are asked for again
 * before the next task; if none come, the former ones are tried: the origin says whether they still do.
 */
export class LivePlan {
  private latest: pondhawkV1.GetPreheatResponse;
  private loadedAtMs: number; // Monotonic.
  private loading: Promise<void> | undefined; // All that need it wait for the same.

  /** @param first as it came just now. */
  constructor(
    readonly first: pondhawkV1.GetPreheatResponse,
    private readonly parts: LivePlanParts,
  ) {
    this.latest = first;
    this.loadedAtMs = parts.clock.monotonicMs();
  }

  /** What a host is told of one task. */
  async downloadOf({ url, digest }: pondhawkV1.PreheatTask): Promise<commonV2.Download> {
    const { goodForMs } = this.latest;
    if (goodForMs > 0 && this.parts.clock.monotonicMs() - this.loadedAtMs >= goodForMs) {
      this.loading ??= this.renew();
      await this.loading;
    }
    const download = this.latest.download ?? commonV2.Download.create();
    return { ...download, url, ...(digest === '' ? {} : { digest }) };
  }

  private async renew(): Promise<void> {
    const { clock, log, load } = this.parts;
    try {
      this.latest = await load();
    } catch (thrown) {
      log.warn('the headers of a preheat were not renewed', { err: toError(thrown) });
    } finally {
      // Also after a failure: it is asked again as late as if it had come.
      this.loadedAtMs = clock.monotonicMs();
      this.loading = undefined;
    }
  }
}
