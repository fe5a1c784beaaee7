/** Applies the commands of one commit, inside its transaction. */

import type { PondhawkError } from '@pondhawk/core';
import { sql } from 'kysely';
import type { AcceptJob, LedgerCommandName } from './command-catalog.js';
import { CommandContext, type CommandParts, takeLedgerNumbers } from './command-context.js';
import { type AcceptOutcome, acceptJobs } from './commands/accept-jobs.js';
import { chainAudits } from './commands/audits.js';
import { keyOwner } from './commands/idempotency.js';
import { COMMAND_HANDLERS, type CommandHandler } from './commands/index.js';
import type { AuditEntry } from './identity-records.js';
import { toLedgerError } from './ledger-connections.js';
import type { LedgerChange } from './ledger-writer.js';

/** A command as it was given. */
export interface GivenCommand {
  readonly name: LedgerCommandName;
  readonly input: { readonly atMs: number };
  /** Written with the command when it is the first of a request that is audited. */
  readonly audit?: AuditEntry | undefined;
}

/** What became of a command; a refused one has changed nothing. */
export type Applied =
  | {
      readonly isApplied: true;
      readonly result: unknown;
      readonly changes: readonly LedgerChange[];
      readonly purgeHeads: CommandContext['purgeHeads'];
      readonly afterCommit: CommandContext['afterCommit'];
    }
  | { readonly isApplied: false; readonly error: PondhawkError };

type AcceptCommand = GivenCommand & { readonly input: AcceptJob };

/**
 * Applies commands, each as if it were alone: a refused one is rolled back alone. Accepts come first,
 * together, then the rest as it came. All of them were given while none of them was answered, so
 * nobody can tell that order from another.
 *
 * @returns their outcomes in the order in which they were applied.
 * @throws what the database throws when it has given up the whole transaction.
 */
export async function applyCommands<C extends GivenCommand>(
  parts: CommandParts,
  commands: readonly C[],
): Promise<ReadonlyMap<C, Applied>> {
  const outcomes = new Map<C, Applied>();
  const accepts = commands.filter((command): command is C & AcceptCommand => isAccept(command));
  for (const set of setsOfAccepts(accepts)) {
    for (const [command, outcome] of await applyAccepts(parts, set)) outcomes.set(command, outcome);
  }
  for (const command of commands) {
    if (!isAccept(command)) outcomes.set(command, await applyOne(parts, command));
  }
  return outcomes;
}

function isAccept(command: GivenCommand): command is AcceptCommand {
  return command.name === 'accept-job';
}

/** Sets in which no key is twice: a request that comes again has to see what became of the first. */
function setsOfAccepts<C extends AcceptCommand>(commands: readonly C[]): readonly C[][] {
  const sets: { readonly keys: Set<string>; readonly members: C[] }[] = [];
  for (const command of commands) {
    const key = keyOwner(command.input);
    let set = sets.find(({ keys }) => key === undefined || !keys.has(key));
    if (set === undefined) {
      set = { keys: new Set(), members: [] };
      sets.push(set);
    }
    if (key !== undefined) set.keys.add(key);
    set.members.push(command);
  }
  return sets.map(({ members }) => members);
}

/** What the database refuses is rolled back, and tried again one by one, to see whose it is. */
async function applyAccepts<C extends AcceptCommand>(
  parts: CommandParts,
  commands: readonly C[],
): Promise<readonly (readonly [C, Applied])[]> {
  const attempt = await inSavepoint(parts, () => acceptWithAudits(parts, commands));
  if ('value' in attempt) return attempt.value;
  const [first, ...others] = commands;
  if (first === undefined) return [];
  if (others.length === 0) return [[first, refused(parts, attempt.thrown)]];
  const outcomes: (readonly [C, Applied])[] = [];
  for (const command of commands) outcomes.push(...(await applyAccepts(parts, [command])));
  return outcomes;
}

async function acceptWithAudits<C extends AcceptCommand>(
  parts: CommandParts,
  commands: readonly C[],
): Promise<readonly (readonly [C, Applied])[]> {
  const accepted = await acceptJobs(
    parts,
    commands.map(({ input }) => input),
  );
  const outcomes = commands.map((command, index) => {
    const outcome = accepted[index] as AcceptOutcome;
    return [command, toApplied(outcome)] as const;
  });
  await chainAudits(
    parts,
    outcomes.flatMap(([{ audit: entry, input }, { isApplied }]) =>
      isApplied && entry !== undefined ? { entry, atMs: input.atMs } : [],
    ),
  );
  return outcomes;
}

function toApplied(outcome: AcceptOutcome): Applied {
  if ('error' in outcome) return { isApplied: false, error: outcome.error };
  return applied(outcome.result, outcome.context);
}

async function applyOne(
  parts: CommandParts,
  { name, input, audit }: GivenCommand,
): Promise<Applied> {
  const handler = COMMAND_HANDLERS[name as keyof typeof COMMAND_HANDLERS] as CommandHandler;
  const attempt = await inSavepoint(parts, async () => {
    const { atMs } = input;
    const number = await takeLedgerNumbers(parts.db, { atMs, count: 1 });
    const context = new CommandContext(parts, atMs, number);
    const result = await handler(context, input);
    if (audit !== undefined) await chainAudits(parts, [{ entry: audit, atMs }]);
    return applied(result, context);
  });
  return 'value' in attempt ? attempt.value : refused(parts, attempt.thrown);
}

/** Rolls back what throws. @throws what was thrown if it cannot be: the database has given up all of it, as on a full disk. */
async function inSavepoint<T>(
  { db }: CommandParts,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly thrown: unknown }> {
  await sql`savepoint command`.execute(db);
  try {
    const value = await work();
    await sql`release savepoint command`.execute(db);
    return { value };
  } catch (thrown) {
    try {
      await sql`rollback to savepoint command`.execute(db);
      await sql`release savepoint command`.execute(db);
    } catch {
      throw thrown; // It says why; that there is nothing to roll back to follows from it.
    }
    return { thrown };
  }
}

/** Without a context: it has changed nothing. */
function applied(result: unknown, context?: CommandContext): Applied {
  const nothing = { changes: [], purgeHeads: new Map<never, never>(), afterCommit: [] };
  const { changes, purgeHeads, afterCommit } = context ?? nothing;
  return { isApplied: true, result, changes, purgeHeads, afterCommit };
}

function refused({ dialect }: CommandParts, thrown: unknown): Applied {
  return { isApplied: false, error: toLedgerError(dialect, thrown) };
}
