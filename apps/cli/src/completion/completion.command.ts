/** `pondhawk completion`: what a shell needs to complete command lines. */

import { Argument, type Command } from 'commander';
import { say, type CliContext } from '../context.js';

/** Asked by the scripts: words so far in, candidates out, one a line. */
const ASK = '__complete';

const SCRIPTS = {
  bash: `_pondhawk() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(pondhawk ${ASK} -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pondhawk pondhawk`,
  zsh: `#compdef pondhawk
_pondhawk() {
  local -a candidates
  candidates=(\${(f)"$(pondhawk ${ASK} -- "\${(@)words[2,CURRENT-1]}" 2>/dev/null)"})
  compadd -- $candidates
}
compdef _pondhawk pondhawk`,
  fish: `complete -c pondhawk -f -a '(pondhawk ${ASK} -- (commandline -opc)[2..-1] 2>/dev/null)'`,
} as const;

/** Adds the command, after all others. */
export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', '\nbash: source <(pondhawk completion bash)')
    .action((shell: keyof typeof SCRIPTS) => say(context, SCRIPTS[shell]));
  program
    .command(ASK, { hidden: true })
    .argument('[word...]')
    .action((words: readonly string[]) => {
      for (const candidate of candidatesFor(program, words)) say(context, candidate);
    });
}

/** What may come next: values of the option before, else commands, values of arguments, and options. */
function candidatesFor(program: Command, words: readonly string[]): readonly string[] {
  let command = program;
  let before: string | undefined;
  let argumentCount = 0;
  for (const word of words) {
    const isValue = takesValue(command, before);
    before = word;
    if (isValue || word.startsWith('-')) continue;
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) argumentCount += 1;
    else [command, argumentCount] = [next, 0];
  }
  const option = command.options.find(({ long, short }) => before === long || before === short);
  if (option !== undefined && takesValue(command, before)) return option.argChoices ?? [];
  const visible = command.createHelp();
  return [
    ...visible.visibleCommands(command).map((one) => one.name()),
    ...(command.registeredArguments[argumentCount]?.argChoices ?? []),
    ...visible.visibleOptions(command).flatMap(({ long }) => long ?? []),
  ];
}

function takesValue(command: Command, word: string | undefined): boolean {
  const option = command.options.find(({ long, short }) => word === long || word === short);
  return option !== undefined && (option.required || option.optional);
}
