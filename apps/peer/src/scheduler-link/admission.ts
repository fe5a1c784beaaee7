import { ConflictError } from '@pondhawk/core';

/**
 * Whether schedulers take this daemon as the host it says it is. *Admitted* from the start; *refused*
 * while any scheduler knows another daemon under the same host id. A refused daemon serves nothing, and
 * withdraws from the schedulers that took it: it may run on a copy of the other's data folder, and
 * nobody would account for what it holds.
 */
export class Admission {
  private readonly refusals = new Map<string, string>(); // What was said, by address of the scheduler.
  private readonly listeners: ((refusal: string) => void)[] = [];

  /** Why it is refused; undefined while it is admitted. */
  get refusal(): string | undefined {
    const [first] = this.refusals;
    return first && `${first[0]}: ${first[1]}`;
  }

  /** Calls `listener` each time it becomes refused. */
  onRefused(listener: (refusal: string) => void): void {
    this.listeners.push(listener);
  }

  /** A scheduler refuses it. */
  refuse(address: string, text: string): void {
    const wasAdmitted = this.refusals.size === 0;
    this.refusals.set(address, text);
    if (wasAdmitted) for (const listener of this.listeners) listener(`${address}: ${text}`);
  }

  /** A scheduler takes it, or is not there any more. */
  clear(address: string): void {
    this.refusals.delete(address);
  }

  /** Whether others refuse it, but not this one, which is then to be left. */
  isRefusedElsewhere(address: string): boolean {
    return this.refusals.size > 0 && !this.refusals.has(address);
  }

  /** @throws ConflictError (`HOST_ID_IN_USE`) while it is refused. */
  require(): void {
    if (this.refusal === undefined) return;
    throw new ConflictError(
      'HOST_ID_IN_USE',
      `This daemon serves nothing, because another one stands for its host id. ${this.refusal}`,
      { details: { field: 'host' } },
    );
  }
}
