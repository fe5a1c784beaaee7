import { open, readFile, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '@pondhawk/core';
import { syncDirectory, toStorageError } from '@pondhawk/storage';
import { PurgeWitness, type WitnessedLogs } from '../ledger/index.js';

/** Name of the file beside the database. */
export const WITNESS_FILE = 'purge-log.witness';
/** Beyond this length the file is written anew. */
const LENGTH_MAX_BYTES = 1024 * 1024;
const FILE_MODE = 0o640;
const HEADER = /^pondhawk purge log ([0-9a-f]{32})$/;
const LINE = /^(waiver )?(\d{1,15}) (\d{1,15})$/;

/**
 * The witness as a file of lines: the epoch, then `<cluster> <number>` for each answered delete,
 * and `waiver <cluster> <number>` for each change of a cluster's waiver.
 * Lines are only added, each synced before its delete is answered; a line that a crash cut off
 * belongs to a delete that nobody was told of, and is ignored.
 */
export class WitnessFile extends PurgeWitness {
  private file: FileHandle | undefined; // Open from `restart` to `close`.
  private logs: WitnessedLogs = { epoch: '', heads: new Map(), waivers: new Map() };
  private lengthBytes = 0;

  constructor(private readonly path: string) {
    super();
  }

  override async read(): Promise<WitnessedLogs | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw toStorageError(error);
    }
    const [header = '', ...lines] = text.split('\n').slice(0, -1);
    const epoch = HEADER.exec(header)?.[1];
    if (epoch === undefined) return undefined;
    const heads = new Map<number, number>();
    const waivers = new Map<number, number>();
    for (const line of lines) {
      const [, waiver, cluster, number] = LINE.exec(line) ?? [];
      if (cluster === undefined) continue;
      (waiver === undefined ? heads : waivers).set(Number(cluster), Number(number));
    }
    return { epoch, heads, waivers };
  }

  override async restart(logs: WitnessedLogs): Promise<void> {
    const text = `pondhawk purge log ${logs.epoch}\n${linesOf(logs)}`;
    try {
      await this.file?.close();
      this.file = undefined;
      const file = await open(`${this.path}.new`, 'w', FILE_MODE);
      await file.writeFile(text);
      await file.sync();
      await rename(`${this.path}.new`, this.path);
      await syncDirectory(dirname(this.path));
      this.file = file;
    } catch (error) {
      throw toStorageError(error);
    }
    const { epoch, heads, waivers } = logs;
    this.logs = { epoch, heads: new Map(heads), waivers: new Map(waivers) };
    this.lengthBytes = Buffer.byteLength(text);
  }

  override async record(logs: WitnessedLogs): Promise<void> {
    const { epoch } = logs;
    if (epoch !== this.logs.epoch) return this.restart(logs);
    this.logs = {
      epoch,
      heads: new Map([...this.logs.heads, ...logs.heads]),
      waivers: new Map([...this.logs.waivers, ...logs.waivers]),
    };
    if (this.file === undefined || this.lengthBytes > LENGTH_MAX_BYTES) {
      return this.restart(this.logs);
    }
    const text = linesOf(logs);
    try {
      await this.file.write(text);
      await this.file.datasync();
    } catch (error) {
      await this.file.close().catch(() => undefined); // What failed is told; the next write begins anew.
      this.file = undefined;
      throw toStorageError(error);
    }
    this.lengthBytes += text.length;
  }

  /** Nothing can be recorded afterwards. */
  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }
}

function linesOf({ heads, waivers }: WitnessedLogs): string {
  const lines = [...heads].map(([cluster, head]) => `${cluster} ${head}\n`);
  for (const [cluster, number] of waivers) lines.push(`waiver ${cluster} ${number}\n`);
  return lines.join('');
}
