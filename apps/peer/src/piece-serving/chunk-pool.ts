/** Most bytes of one read and one write; what is sent is checked against a purge this often. */
export const CHUNK_BYTES = 256 * 1024;
/** Idle chunks kept for reuse: 4 MiB. More are left to the garbage collector. */
const IDLE_CHUNKS_MAX = 16;

/** Buffers of CHUNK_BYTES that are used again, because zeroing and collecting them costs more than reading. */
export class ChunkPool {
  private readonly idle: Buffer[] = [];

  /** A buffer with whatever it held before. */
  take(): Buffer {
    return this.idle.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** Gives a buffer back; nobody may use it afterwards. */
  release(chunk: Buffer): void {
    if (this.idle.length < IDLE_CHUNKS_MAX) this.idle.push(chunk);
  }
}
