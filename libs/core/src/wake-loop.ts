/**
 * Work that is done over and over while there is some, never twice at the same time. Whoever brings
 * work wakes it. A wake during a run has it look once more, however late in the run it came: between
 * the last look of a run and its end there is no moment at which a wake could get lost.
 */
export class WakeLoop {
  private isWoken = false; // Somebody brought work since the last look.
  private running: Promise<void> | undefined;

  /** @param work does what there is to do; must handle its own failures. */
  constructor(private readonly work: () => Promise<void>) {}

  /** Says that there is work. */
  wake(): void {
    this.isWoken = true;
    this.running ??= this.run();
  }

  /** Resolves when no work is being done. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.isWoken) {
        this.isWoken = false;
        await this.work();
      }
    } finally {
      this.running = undefined; // In the same turn as the last look.
    }
  }
}
