import { Writable } from 'node:stream';
import type { CliContext, OutputStream } from '../context.js';
import { PlainProgress } from './progress.js';

class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

describe('PlainProgress', () => {
  let nowMs = 0;
  let sink: Sink;
  let progress: PlainProgress;

  beforeEach(() => {
    nowMs = 5000;
    sink = new Sink();
    const stderr: OutputStream = sink;
    const context: Partial<CliContext> = { stderr, nowMs: () => nowMs };
    progress = new PlainProgress(context as CliContext);
  });

  it('writes at most one line a second, with size, rate and time left', () => {
    progress.start(4096);
    for (const [atMs, doneBytes] of [
      [5500, 512],
      [6000, 1024],
      [6999, 2000],
      [7000, 2048],
    ] as const) {
      nowMs = atMs;
      progress.update(doneBytes);
    }
    expect(sink.text).toBe(
      '25%  1.0 KiB of 4.0 KiB  1.0 KiB/s  3s left\n50%  2.0 KiB of 4.0 KiB  1.0 KiB/s  2s left\n',
    );
  });

  it('tells no share of a size that nobody knows', () => {
    progress.start(undefined);
    nowMs = 6000;
    progress.update(1024);
    expect(sink.text).toBe('1.0 KiB  1.0 KiB/s\n');
  });
});
