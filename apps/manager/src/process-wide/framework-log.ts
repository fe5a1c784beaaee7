import type { LoggerService } from '@nestjs/common';
import type { Log } from '@pondhawk/observability';

/** Nest's own lines in our log: its failures as they are, its chatter only for debugging. */
export class FrameworkLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(text: unknown): void {
    this.target.debug('framework', { text: String(text) });
  }

  error(text: unknown, ...more: unknown[]): void {
    this.target.error('framework failed', { text: String(text), more: more.map(String) });
  }

  warn(text: unknown): void {
    this.target.warn('framework warns', { text: String(text) });
  }
}
