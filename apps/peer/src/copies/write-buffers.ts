/** Bytes of a piece are gathered to this size before they go to the disk; a piece holds up to two such buffers. */
export const WRITE_BUFFER_BYTES = 256 * 1024;
/** Idle buffers kept for reuse: 8 MiB. More are left to the garbage collector. */
const IDLE_BUFFERS_MAX = 32;

/** Buffers on the way from the network to the disk, used again because collecting them costs more than copying. */
export class WriteBuffers {
  private readonly idle: Buffer[] = [];

  /** A buffer of WRITE_BUFFER_BYTES with whatever it held before. One that is not given back is collected. */
  take(): Buffer {
    return this.idle.pop() ?? Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
  }

  /** Gives a buffer back; nobody may use it afterwards. */
  release(buffer: Buffer): void {
    if (this.idle.length < IDLE_BUFFERS_MAX) this.idle.push(buffer);
  }
}
