/** A plain HTTP server of a folder, as a process of its own: origin of the peers, and what curl and aria2 download from. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A running file server; from `start` to `stop`. */
export class FileServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  /** Starts the process. @throws Error if it ends before it listens. */
  static async start(folder: string): Promise<FileServer> {
    const child = spawn(process.execPath, [join(__dirname, 'file-server-process.js'), folder], {
      // Its stdin ends with this process, however that ends, and then it ends too.
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface(child.stdout);
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [])]);
    lines.close();
    if (first.length === 0) throw new Error('The file server did not start.');
    return new FileServer(child, Number(first[0]));
  }

  /** The address of a file of the folder. */
  url(name: string): string {
    return `http://127.0.0.1:${this.port}/${name}`;
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }
}
