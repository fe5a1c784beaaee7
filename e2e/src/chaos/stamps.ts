/** Content whose every block says which version it is of and where it stands, so that served bytes tell their age. */

/** A stamp begins each block; the length of a content is a multiple of it. */
export const BLOCK_BYTES = 512;
const MAGIC = 0x50_6f_6e_64;
const STAMP_BYTES = 16;

/** Bytes of one version. `endByte` is exclusive. */
export interface StampedRun {
  readonly version: number;
  readonly startByte: number;
  readonly endByte: number;
}

/** The bytes `[startByte, endByte)` of a content in one version. */
export function stampedBytes(content: number, { version, startByte, endByte }: StampedRun): Buffer {
  const from = startByte - (startByte % BLOCK_BYTES);
  const bytes = Buffer.alloc(Math.ceil((endByte - from) / BLOCK_BYTES) * BLOCK_BYTES, version);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    bytes.writeUInt32BE(MAGIC, at);
    bytes.writeUInt32BE(content, at + 4);
    bytes.writeUInt32BE(version, at + 8);
    bytes.writeUInt32BE(from + at, at + 12);
  }
  return bytes.subarray(startByte - from, endByte - from);
}

/** Reads the stamps in the bytes of one answer, as they come and at whatever they are cut. */
export class StampReader {
  private version: number | undefined; // Of the newest stamp.

  constructor(private readonly content: number) {}

  /**
   * The runs of these bytes. Bytes before a first stamp that is cut in two are in none.
   *
   * @throws Error when a stamp is not that of its place.
   */
  read(bytes: Buffer, startByte: number): StampedRun[] {
    const runs: StampedRun[] = [];
    for (let at = 0; at < bytes.length;) {
      const inBlock = (startByte + at) % BLOCK_BYTES;
      const end = Math.min(bytes.length, at + BLOCK_BYTES - inBlock);
      if (inBlock === 0 && end - at >= STAMP_BYTES) {
        this.version = this.readStamp(bytes.subarray(at), startByte + at);
      }
      const last = runs.at(-1);
      if (this.version !== undefined) {
        const run = { version: this.version, startByte: startByte + at, endByte: startByte + end };
        if (last?.version === run.version)
          runs[runs.length - 1] = { ...last, endByte: run.endByte };
        else runs.push(run);
      }
      at = end;
    }
    return runs;
  }

  private readStamp(bytes: Buffer, place: number): number {
    const [magic, content, version, at] = [0, 4, 8, 12].map((offset) => bytes.readUInt32BE(offset));
    if (magic !== MAGIC || content !== this.content || at !== place || version === undefined) {
      throw new Error(`Broken bytes at ${place} of content ${this.content}.`);
    }
    return version;
  }
}
