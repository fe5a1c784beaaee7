import type { LedgerCommandName, LedgerCommands } from '../command-catalog.js';
import type { CommandContext } from '../command-context.js';

/** Applies one command inside its savepoint. Throwing one of our errors refuses it alone. */
export type HandlerOf<N extends LedgerCommandName> = (
  context: CommandContext,
  input: LedgerCommands[N]['input'],
) => Promise<LedgerCommands[N]['result']>;

/** A handler whose command is not known by type. */
export type CommandHandler = (
  context: CommandContext,
  input: { readonly atMs: number },
) => Promise<unknown>;
