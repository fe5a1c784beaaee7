/** What the manager keeps rows of: listed, shown and removed alike. */

import type { Command } from 'commander';
import { parseNumberOption } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { managerOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { isRecord, type Json, type ManagerApi } from '../manager/manager-client.js';
import { printable } from '../output/printable.js';
import { renderTable } from '../output/table.js';

type Answer<T> = Promise<{
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}>;
/** One row by its number. */
type OneRow = { readonly params: { readonly path: { readonly id: number } } };

/** A kind of rows. */
export interface Resource {
  /** As the command is called. */
  readonly noun: string;
  readonly about: string;
  readonly list: (api: ManagerApi, query: object) => Answer<readonly object[]>;
  readonly get?: (api: ManagerApi, params: OneRow) => Answer<object>;
  /** Heads of the columns and the fields they show. */
  readonly columns: Readonly<Record<string, string>>;
  /** Filters of the list: options by the query parameter they set, each with what it means. */
  readonly filters?: Readonly<Record<string, string>>;
  readonly remove?: (api: ManagerApi, params: OneRow) => Answer<unknown>;
}

type ListOptions = ManagerOptions & {
  readonly page?: number;
  readonly perPage?: number;
} & Readonly<Record<string, unknown>>;

/** Adds `ls`, `get` and, where rows can be removed, `rm`. @returns the command, to add to. */
export function addResourceCommand(
  program: Command,
  context: CliContext,
  resource: Resource,
): Command {
  const { noun, about, get, remove } = resource;
  const command = program.command(noun).description(about);
  addListCommand(command, context, resource);
  if (get !== undefined)
    withManagerOptions(command.command('get').description(`show one ${noun}`))
      .argument('<id>', 'its number', parseNumberOption)
      .action(async (id: number, options: ManagerOptions) => {
        const row = await managerOf(context, options).ask((api) =>
          get(api, { params: { path: { id } } }),
        );
        showRow(context, row, options);
      });
  if (remove !== undefined) {
    withManagerOptions(command.command('rm').description(`remove one ${noun}`))
      .argument('<id>', 'its number', parseNumberOption)
      .action(async (id: number, options: ManagerOptions) => {
        await managerOf(context, options).ask((api) => remove(api, { params: { path: { id } } }));
        sayDone(context, options, `${noun} ${id} removed`, { id });
      });
  }
  return command;
}

/** Adds `ls` alone. */
export function addListCommand(command: Command, context: CliContext, resource: Resource): void {
  const { columns, filters = {} } = resource;
  const list = withManagerOptions(command.command('ls').description('list them'))
    .option('--page <n>', 'page', parseNumberOption)
    .option('--per-page <n>', 'rows a page', parseNumberOption);
  for (const [parameter, meaning] of Object.entries(filters)) {
    list.option(`--${parameter.replaceAll('_', '-')} <value>`, `only this ${meaning}`);
  }
  list.action(async (options: ListOptions) => {
    const parameters = ['page', 'per_page', ...Object.keys(filters)];
    const given = parameters.map((parameter) => [parameter, options[optionOf(parameter)]] as const);
    const query = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const answer = await managerOf(context, options).ask((api) => resource.list(api, query));
    showRows(context, answer, { ...options, columns });
  });
}

/** Shows a list of rows by their columns. */
export function showRows(
  context: CliContext,
  answer: unknown,
  { json, columns }: ManagerOptions & Pick<Resource, 'columns'>,
): void {
  const rows = (Array.isArray(answer) ? answer : []).filter(isRecord);
  if (json === true) sayJson(context, { rows });
  else say(context, rows.length === 0 ? 'None.' : renderRows(rows, columns));
}

/** Shows one row with all its fields. */
export function showRow(context: CliContext, row: unknown, { json }: ManagerOptions): void {
  const fields = isRecord(row) ? row : {};
  if (json === true) {
    sayJson(context, fields);
    return;
  }
  for (const [name, value] of Object.entries(fields)) {
    say(context, `${printable(name).padEnd(26)} ${printable(cell(value))}`);
  }
}

/** Says that something was done: `facts` as the JSON document, or the line. */
export function sayDone(
  context: CliContext,
  { json }: ManagerOptions,
  line: string,
  facts: object,
): void {
  if (json === true) sayJson(context, facts);
  else say(context, printable(line));
}

function renderRows(rows: readonly Json[], columns: Resource['columns']): string {
  return renderTable(
    Object.keys(columns),
    rows.map((row) => Object.values(columns).map((field) => cell(row[field]))),
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (Array.isArray(value)) return value.map(cell).join(',') || '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** As commander names an option that was written with dashes. */
function optionOf(parameter: string): string {
  return parameter.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
}
