import { type PondhawkError, ResourceExhaustedError, UnavailableError } from '@pondhawk/core';
import type { Kysely } from 'kysely';
import { type Applied, type GivenCommand, applyCommands } from './apply-commands.js';
import { auditScopes } from './audit-scope.js';
import type { LedgerCommandName, LedgerCommands } from './command-catalog.js';
import type { LeaseBook } from './lease-book.js';
import { toLedgerError } from './ledger-connections.js';
import { type LedgerListener, LedgerWriter } from './ledger-writer.js';
import type { PurgeWitness } from './purge-witness.js';
import type { LedgerDialect, LedgerTables } from './tables.js';

/** Commands that may wait; more are refused, so that a slow disk shows at the edge and not in memory. */
export const COMMANDS_WAITING_MAX = 4_096;
/** Commands of one commit: enough to share an fsync, few enough to let readers in. */
export const COMMANDS_PER_COMMIT_MAX = 128;
/** When to come again after a refusal: a few commits later. */
const RETRY_AFTER_MS = 200;

interface WaitingCommand extends GivenCommand {
  resolve(result: unknown): void;
  reject(error: PondhawkError): void;
}

/**
 * Applies commands on the only writing connection. *Idle*: nothing waits. *Committing*: one
 * transaction holds up to `COMMANDS_PER_COMMIT_MAX` commands; those that come meanwhile wait and share
 * the next one. A refused command is rolled back alone. If the commit fails, nothing of it happened and all of its commands are rejected; if
 * the witness of purges fails after it, they are rejected too, because what it holds may be lost.
 * Closing refuses new commands and lets those that wait finish.
 */
export class KyselyLedgerWriter extends LedgerWriter {
  /** Non-empty while commands wait; filled by `execute`, emptied by `run`. */
  private waiting: WaitingCommand[] = [];
  private readonly listeners = new Set<LedgerListener>();
  /** Set while commits are made; it never rejects. */
  private running: Promise<void> | undefined;
  private isClosing = false;

  constructor(
    private readonly db: Kysely<LedgerTables>,
    private readonly dialect: LedgerDialect,
    private readonly witness: PurgeWitness,
    private readonly leases: LeaseBook,
    private readonly onCommit: (durationMs: number) => void = () => undefined,
  ) {
    super();
  }

  override execute<N extends LedgerCommandName>(
    name: N,
    input: LedgerCommands[N]['input'],
  ): Promise<LedgerCommands[N]['result']> {
    const refusal = this.refuse();
    if (refusal !== undefined) return Promise.reject(refusal);
    const scope = name === 'append-audits' ? undefined : auditScopes.getStore();
    const entry = scope?.claim();
    return new Promise((resolve, reject) => {
      this.waiting.push({
        ...{ name, input },
        audit: entry,
        resolve: (result) => {
          if (entry !== undefined) scope?.settle(true);
          resolve(result as LedgerCommands[N]['result']);
        },
        reject: (error) => {
          if (entry !== undefined) scope?.settle(false);
          reject(error);
        },
      });
      // Outside of the request, or what listeners give later would be taken for a part of it.
      this.running ??= auditScopes.run(undefined, () => this.run());
    });
  }

  override onCommitted(listener: LedgerListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Refuses new commands, waits until those accepted are committed or rejected. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.running;
  }

  private refuse(): PondhawkError | undefined {
    if (this.isClosing) return new UnavailableError('LEDGER_CLOSED', 'The ledger is closing.');
    if (this.waiting.length < COMMANDS_WAITING_MAX) return undefined;
    return new ResourceExhaustedError(
      'LEDGER_QUEUE_FULL',
      `${COMMANDS_WAITING_MAX} changes wait for the ledger already.`,
      { retryAfterMs: RETRY_AFTER_MS },
    );
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      // A turn of the event loop, so that requests which have arrived meanwhile join this commit.
      await new Promise((resolve) => setImmediate(resolve));
      await this.commit(this.waiting.splice(0, COMMANDS_PER_COMMIT_MAX));
    }
    this.running = undefined;
  }

  private async commit(commands: readonly WaitingCommand[]): Promise<void> {
    let outcomes: ReadonlyMap<WaitingCommand, Applied>;
    const startedAtMs = performance.now();
    try {
      const { dialect, leases } = this;
      outcomes = await this.db
        .transaction()
        .execute((db) => applyCommands({ db, dialect, leases }, commands));
      await this.testify([...outcomes.values()]);
    } catch (error) {
      const failure = toLedgerError(this.dialect, error);
      commands.forEach((command) => command.reject(failure));
      return;
    }
    this.onCommit(performance.now() - startedAtMs);
    const applied = [...outcomes.values()].filter((outcome) => outcome.isApplied);
    for (const { afterCommit } of applied) afterCommit.forEach((act) => act());
    const changes = applied.flatMap((outcome) => outcome.changes);
    if (changes.length > 0) this.listeners.forEach((listener) => listener(changes));
    outcomes.forEach((outcome, command) => settle(command, outcome));
  }

  /** Has what purge logs reached witnessed, before anybody is told. */
  private async testify(outcomes: readonly Applied[]): Promise<void> {
    const reached = outcomes.flatMap((outcome) =>
      outcome.isApplied ? [...outcome.purgeHeads] : [],
    );
    if (reached.length === 0) return;
    const epoch = reached.at(-1)?.[1].epoch ?? '';
    const ofEpoch = reached.filter(([, log]) => log.epoch === epoch);
    const heads = new Map(ofEpoch.map(([clusterId, { head }]) => [clusterId, head]));
    const waivers = new Map(
      ofEpoch.flatMap(([clusterId, { waiver }]) =>
        waiver === undefined ? [] : [[clusterId, waiver] as const],
      ),
    );
    await this.witness.record({ epoch, heads, waivers });
  }
}

function settle(command: WaitingCommand, outcome: Applied): void {
  if (outcome.isApplied) command.resolve(outcome.result);
  else command.reject(outcome.error);
}
