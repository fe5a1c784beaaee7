import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { PermissionDeniedError, UnauthenticatedError, WakeLoop } from '@pondhawk/core';
import type { Request, Response } from 'express';
import type { IdentityStore } from './identity-store.js';

/** How often open streams are looked at: what has expired, or was changed by another manager, ends by then. */
export const STREAM_RECHECK_INTERVAL_MS = 5_000;

/** How requests that were let in are looked at again. */
const RECHECKS = new WeakMap<Request, () => Promise<void>>();

/** Notes how to find out whether a request would be let in still; it throws if not. */
export function noteRecheck(request: Request, recheck: () => Promise<void>): void {
  RECHECKS.set(request, recheck);
}

/**
 * Answers that go on for long, each as long as its caller may: he is looked at again after each change of
 * users, roles, tokens or sessions made here, and every `STREAM_RECHECK_INTERVAL_MS`. A stream whose
 * caller may no more is destroyed. While the ledger cannot be asked streams go on.
 */
export class OpenStreams implements OnModuleInit, BeforeApplicationShutdown {
  private readonly streams = new Map<Request, Response>(); // Until they are closed.
  private readonly looking = new WakeLoop(() => this.look());
  private timer: NodeJS.Timeout | undefined; // Set between start and stop.

  constructor(private readonly store: IdentityStore) {}

  onModuleInit(): void {
    this.store.onChanged(() => this.looking.wake());
    this.timer = setInterval(() => this.looking.wake(), STREAM_RECHECK_INTERVAL_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.looking.idle();
  }

  /** Takes charge of an answer from now until it is closed. */
  watch(request: Request, response: Response): void {
    this.streams.set(request, response);
    response.once('close', () => this.streams.delete(request));
  }

  private async look(): Promise<void> {
    for (const [request, response] of [...this.streams]) {
      if (!(await mayStill(request))) response.destroy();
    }
  }
}

async function mayStill(request: Request): Promise<boolean> {
  try {
    await RECHECKS.get(request)?.();
    return true;
  } catch (thrown) {
    // Anything else says nothing about the caller; he is asked about again soon.
    return !(thrown instanceof UnauthenticatedError || thrown instanceof PermissionDeniedError);
  }
}
