/** All commands, and how the program ends. */

import { Command, CommanderError } from 'commander';
import { sayJson, type CliContext } from './context.js';
import { ExitCode, toFailure } from './exit-code.js';
import { addAuditLogCommand } from './audits/audit-log.command.js';
import { addCompletionCommand } from './completion/completion.command.js';
import { addGetCommand } from './get/get.command.js';
import { addImageCommand } from './images/image.command.js';
import { addClearCommand } from './jobs/clear.command.js';
import { addJobCommand } from './jobs/job.command.js';
import { addPreheatCommand } from './jobs/preheat.command.js';
import { addLoginCommand } from './login/login.command.js';
import { interrupted } from './manager/manager-client.js';
import { printable } from './output/printable.js';
import { addPurgeAuditCommand } from './purge-audit/purge-audit.command.js';
import { addFleetCommands } from './resources/fleet.command.js';
import { addIdentityCommands } from './resources/identity.command.js';
import { addTaskCommand } from './tasks/task.command.js';

/** Version told by `--version`. */
export const VERSION = '0.1.0';

/**
 * Runs one command line to its end; never throws.
 *
 * @param argv without the program's own name.
 */
export async function runCli(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.Complete;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode : ExitCode.Usage;
    return sayFailure(context, error, argv.includes('--json'));
  }
}

function buildProgram(context: CliContext, exit: (code: ExitCode) => void): Command {
  const program = new Command('pondhawk')
    .description('Files over a fleet of peers, and off it again.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      '\nExit codes: 0 complete, 1 failed, 2 wrong usage, 3 partly done, 4 daemon or manager not reached.',
    );
  addGetCommand(program, context);
  addClearCommand(addTaskCommand(program, context), context, exit);
  addJobCommand(program, context, exit);
  addPreheatCommand(program, context, exit);
  addImageCommand(program, context, exit);
  addLoginCommand(program, context);
  addFleetCommands(program, context);
  addIdentityCommands(program, context);
  addAuditLogCommand(program, context, exit);
  addPurgeAuditCommand(program, context, exit);
  addCompletionCommand(program, context);
  return program;
}

function sayFailure(context: CliContext, thrown: unknown, isJson: boolean): ExitCode {
  const { exitCode, code, message, hint } = toFailure(
    context.signal.aborted ? interrupted() : thrown,
  );
  context.stderr.write(`pondhawk: ${printable(message)} [${printable(code)}]\n`);
  if (hint !== undefined) context.stderr.write(`${printable(hint)}\n`);
  if (isJson) sayJson(context, { error: { code, message } });
  return exitCode;
}
