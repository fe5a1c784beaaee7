import type { Faults, RandomSource } from '@pondhawk/core';
import type { Log } from '@pondhawk/observability';
import type { CopyStore } from '../copies/index.js';
import type { OriginClient } from '../origin/index.js';
import type { ParentRefusal } from '../parents/index.js';
import type { RateLimiter } from '../rate-limit/index.js';
import type { SchedulerLink } from '../scheduler-link/index.js';

/** What fills work with. */
export interface FillParts {
  readonly copies: CopyStore;
  readonly link: SchedulerLink;
  readonly origin: OriginClient;
  readonly downloadLimiter: RateLimiter;
  readonly originLimiter: RateLimiter;
  readonly faults: Faults;
  readonly random: RandomSource;
  readonly concurrentPieceCount: number;
  readonly log: Log;
  /** Told of each fill that ended with its copy, for metrics … */
  readonly onAborted: () => void;
  /** … and of each piece that a parent would not send at the moment. */
  readonly onParentRefused: (reason: ParentRefusal) => void;
}
