/** Wakes who waits for something to have changed. */
export class ChangeSignal {
  private waiting: (() => void)[] = [];
  private hasChanged = false; // A change nobody has waited for yet.

  /** Something has changed. */
  notify(): void {
    this.hasChanged = true;
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** @returns whether something changed since the last wait, within `ms`. */
  async wait(ms: number): Promise<boolean> {
    if (!this.hasChanged) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    const changed = this.hasChanged;
    this.hasChanged = false;
    return changed;
  }
}
