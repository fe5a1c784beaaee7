import { statfs } from 'node:fs/promises';

/** How full the disk is. */
export interface DiskUsage {
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** How much of its disk the content takes. */
export abstract class DiskGauge {
  abstract measure(): Promise<DiskUsage>;
}

/** Counts everything on the file system of a folder, others' files too. */
export class FileSystemGauge extends DiskGauge {
  constructor(private readonly path: string) {
    super();
  }

  async measure(): Promise<DiskUsage> {
    const { bsize, blocks, bavail } = await statfs(this.path);
    return { usedBytes: (blocks - bavail) * bsize, totalBytes: blocks * bsize };
  }
}

/** Counts only stored pieces against a capacity set by the operator. */
export class CapacityGauge extends DiskGauge {
  constructor(
    private readonly capacityBytes: number,
    private readonly storedBytes: () => number,
  ) {
    super();
  }

  measure(): Promise<DiskUsage> {
    return Promise.resolve({ usedBytes: this.storedBytes(), totalBytes: this.capacityBytes });
  }
}
