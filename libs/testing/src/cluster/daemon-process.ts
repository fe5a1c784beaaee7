import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a daemon is started: by the same command that a user has. */
export interface DaemonCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended: its exit code, or the signal that ended it. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One running process, whose output goes to its log file. Lives from the constructor until `ended` resolves. */
export class DaemonProcess {
  readonly ended: Promise<ProcessEnd>;
  private readonly child: ChildProcess;
  private end: ProcessEnd | undefined;

  constructor(readonly command: DaemonCommand) {
    mkdirSync(dirname(command.logFile), { recursive: true });
    const log = openSync(command.logFile, 'a');
    this.child = spawn(command.command, [...command.args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...command.env },
    });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      const finish = (end: ProcessEnd): void => {
        this.end = end;
        resolve(end);
      };
      this.child.once('exit', (code, signal) => finish({ code, signal }));
      this.child.once('error', () => finish({ code: 127, signal: null }));
    });
  }

  /** The process id; -1 if it could not be started. */
  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** How it ended, or undefined while it runs. */
  getEnd(): ProcessEnd | undefined {
    return this.end;
  }

  /** Sends a signal; nothing happens if it has ended. */
  kill(signal: NodeJS.Signals): void {
    if (this.end === undefined) this.child.kill(signal);
  }

  /** Asks it to stop, and forces it after `graceMs`. */
  async stop(graceMs: number): Promise<ProcessEnd> {
    this.kill('SIGTERM');
    // A stopped process (SIGSTOP) would not see SIGTERM before it goes on.
    this.kill('SIGCONT');
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }
}
