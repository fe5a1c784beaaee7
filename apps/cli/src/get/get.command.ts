import type { Command } from 'commander';
import type { ContentDigest } from '@pondhawk/pieces';
import {
  collectHeader,
  collectText,
  parseDigestOption,
  parseSizeBytes,
  parseTimeoutMs,
  parseUrlArgument,
} from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { socketPathOf, withDaemon } from '../daemon/daemon-socket.js';
import { printable } from '../output/printable.js';
import { formatBytes, formatRate } from '../output/quantities.js';
import { download, type DownloadResult } from './download.js';
import { makeProgress } from './progress.js';

interface GetOptions {
  readonly output: string;
  readonly tag?: string;
  readonly application?: string;
  readonly digest?: ContentDigest;
  readonly pieceLength?: number;
  readonly header?: Readonly<Record<string, string>>;
  readonly filteredQueryParam?: readonly string[];
  readonly timeout?: number;
  readonly socket?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

/** `pondhawk get`. */
export function addGetCommand(program: Command, context: CliContext): void {
  program
    .command('get')
    .description('download a file through the peer daemon of this machine')
    .argument('<url>', 'http or https URL', parseUrlArgument)
    .requiredOption('-o, --output <file>', 'file to write')
    .option(
      '--tag <tag>',
      'part of the task’s name: the same URL under another tag is another task',
    )
    .option('--application <name>', 'part of the task’s name')
    .option(
      '--digest <digest>',
      'sha256:…, sha512:… or crc32:… that the file has',
      parseDigestOption,
    )
    .option(
      '--piece-length <size>',
      'size of pieces, as 4MiB; part of the task’s name',
      parseSizeBytes,
    )
    .option(
      '-H, --header <header>',
      "header for the origin, as 'Name: value' (repeatable)",
      collectHeader,
    )
    .option(
      '--filtered-query-param <name>',
      'query parameter that does not count (repeatable)',
      collectText,
    )
    .option('--timeout <duration>', 'give up after so long, as 30s', parseTimeoutMs)
    .option('--socket <path>', 'socket of the daemon (or PONDHAWK_SOCKET)')
    .option('--overwrite', 'replace the file if it exists')
    .option('--json', 'print one JSON document and nothing else')
    .option('--no-progress', 'do not show how far it is')
    .action(async (url: string, options: GetOptions) => runGet(context, url, options));
}

async function runGet(context: CliContext, url: string, options: GetOptions): Promise<void> {
  const startedAtMs = context.nowMs();
  const isQuiet = options.json === true || !options.progress;
  const result = await withDaemon(socketPathOf(context, options.socket), (client) =>
    download(
      {
        url,
        file: options.output,
        overwrite: options.overwrite === true,
        tag: options.tag,
        application: options.application,
        digest: options.digest,
        pieceLengthBytes: options.pieceLength,
        header: options.header ?? {},
        filteredQueryParams: options.filteredQueryParam ?? [],
        timeoutMs: options.timeout,
      },
      {
        client,
        progress: makeProgress(context, { isQuiet }),
        signal: context.signal,
        nowMs: context.nowMs,
        sleep: context.sleep,
        onAgain: ({ message }) => {
          context.stderr.write(`${printable(message)} Beginning again.\n`);
        },
      },
    ),
  );
  const elapsedMs = Math.round(context.nowMs() - startedAtMs);
  if (options.json === true) sayJson(context, document(result, options.output, elapsedMs));
  else sayResult(context, result, { file: options.output, elapsedMs });
}

function document(result: DownloadResult, file: string, elapsedMs: number): object {
  return {
    task_id: result.taskId,
    file,
    content_length: result.sizeBytes,
    duration_ms: elapsedMs,
    sources: result.sources,
  };
}

function sayResult(
  context: CliContext,
  { taskId, sizeBytes, sources }: DownloadResult,
  { file, elapsedMs }: { file: string; elapsedMs: number },
): void {
  const shares = [
    sources.origin > 0 ? `${formatBytes(sources.origin)} from the origin` : '',
    sources.peers > 0 ? `${formatBytes(sources.peers)} from peers` : '',
    sources.local > 0 ? `${formatBytes(sources.local)} from this host` : '',
  ].filter((share) => share !== '');
  const seconds = (elapsedMs / 1000).toFixed(1);
  const head = `${printable(file)}: ${formatBytes(sizeBytes)} in ${seconds} s (${formatRate(sizeBytes, elapsedMs)})`;
  say(context, [head, ...shares].join(', '));
  say(context, `task ${printable(taskId)}`);
}
