import { ServingGate } from '../src/lease/index.js';

/** A gate in the hands of a test: open from the start, until it is closed. */
export class TestGate extends ServingGate {
  private readonly listeners = new Set<() => void>();
  isOpen = true;
  holdMsMax = 4_000;
  readonly isWaived = false;

  get leftMs(): number {
    return this.isOpen ? 1_000 : 0;
  }

  get leaseLeftMs(): number {
    return this.leftMs;
  }

  /** Those who would be told of a closing. */
  get listenerCount(): number {
    return this.listeners.size;
  }

  onClosed(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.isOpen = false;
    for (const listener of [...this.listeners]) listener();
  }
}
