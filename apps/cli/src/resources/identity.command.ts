/** `pondhawk token`, `user`, `role`: who may do what. */

import { Argument, InvalidArgumentError as InvalidOption, Option, type Command } from 'commander';
import { collectText, parseNumberOption } from '../arguments/values.js';
import { say, sayJson, type CliContext } from '../context.js';
import { usageError } from '../exit-code.js';
import { managerOf, withManagerOptions, type ManagerOptions } from '../jobs/manager-options.js';
import { renderTable } from '../output/table.js';
import { addResourceCommand, sayDone, showRow, type Resource } from './resource.command.js';

const TOKEN: Resource = {
  noun: 'token',
  about: 'personal access tokens of programs',
  list: (api, query) => api.GET('/api/v1/personal-access-tokens', { params: { query } }),
  get: (api, row) => api.GET('/api/v1/personal-access-tokens/{id}', row),
  remove: (api, row) => api.DELETE('/api/v1/personal-access-tokens/{id}', row),
  columns: {
    ...{ ID: 'id', NAME: 'name', STATE: 'state', SCOPES: 'scopes' },
    ...{ USER: 'user_id', EXPIRES: 'expired_at' },
  },
  filters: { state: 'state', user_id: 'user' },
};

const USER: Resource = {
  noun: 'user',
  about: 'users',
  list: (api, query) => api.GET('/api/v1/users', { params: { query } }),
  get: (api, row) => api.GET('/api/v1/users/{id}', row),
  columns: { ID: 'id', NAME: 'name', STATE: 'state', EMAIL: 'email', CREATED: 'created_at' },
  filters: { name: 'name', state: 'state', email: 'address' },
};

interface TokenOptions extends ManagerOptions {
  readonly scope: readonly string[];
  readonly expires: string;
  readonly user?: number;
  readonly bio?: string;
}

/** Adds the commands. */
export function addIdentityCommands(program: Command, context: CliContext): void {
  addTokenCreate(addResourceCommand(program, context, TOKEN), context);
  addUserCommands(addResourceCommand(program, context, USER), context);
  addRoleCommands(program.command('role').description('what users may do'), context);
}

function addTokenCreate(token: Command, context: CliContext): void {
  withManagerOptions(token.command('create').description('make a token; it is shown once'))
    .argument('<name>', 'its name')
    .addOption(
      new Option('--scope <scope>', 'job, cluster or admin (repeatable)')
        .argParser(collectText)
        .makeOptionMandatory(),
    )
    .requiredOption('--expires <time>', 'when it ends, as 2027-01-31', parseTime)
    .option('--user <id>', 'whose it is; your own unless given', parseNumberOption)
    .option('--bio <text>', 'what it is for')
    .action(async (name: string, { scope, expires, user, bio, ...options }: TokenOptions) => {
      const body = {
        ...{ name, scopes: [...scope], expired_at: expires },
        ...(user === undefined ? {} : { user_id: user }),
        ...(bio === undefined ? {} : { bio }),
      };
      showRow(
        context,
        await managerOf(context, options).ask((api) =>
          api.POST('/api/v1/personal-access-tokens', { body }),
        ),
        options,
      );
    });
}

function addUserCommands(user: Command, context: CliContext): void {
  withManagerOptions(user.command('create').description('make a user with the role guest'))
    .argument('<name>', 'the name to sign in with')
    .requiredOption('--email <address>', 'mail address')
    .action(async (name: string, { email, ...options }: ManagerOptions & { email: string }) => {
      const password = await context.askSecret(`Password for ${name}: `);
      const body = { name, email, password };
      showRow(
        context,
        await managerOf(context, options).ask((api) => api.POST('/api/v1/users/signup', { body })),
        options,
      );
    });
  withManagerOptions(user.command('set-state').description('let a user in, or not any more'))
    .argument('<id>', 'number of the user', parseNumberOption)
    .addArgument(new Argument('<state>').choices(['enable', 'disable']))
    .action(async (id: number, state: string, options: ManagerOptions) => {
      const row = await managerOf(context, options).ask((api) =>
        api.PATCH('/api/v1/users/{id}', { params: { path: { id } }, body: { state } }),
      );
      showRow(context, row, options);
    });
  withManagerOptions(user.command('roles').description('roles of a user'))
    .argument('<id>', 'number of the user', parseNumberOption)
    .action(async (id: number, options: ManagerOptions) => {
      showNames(
        context,
        await managerOf(context, options).ask((api) =>
          api.GET('/api/v1/users/{id}/roles', { params: { path: { id } } }),
        ),
        options,
      );
    });
  withManagerOptions(user.command('grant').description('give a user a role'))
    .argument('<id>', 'number of the user', parseNumberOption)
    .argument('<role>', 'name of the role')
    .action(async (id: number, role: string, options: ManagerOptions) => {
      await managerOf(context, options).ask((api) =>
        api.PUT('/api/v1/users/{id}/roles/{role}', { params: { path: { id, role } } }),
      );
      sayDone(context, options, `user ${id} has the role ${role}`, { id, role });
    });
  withManagerOptions(user.command('revoke').description('take a role from a user'))
    .argument('<id>', 'number of the user', parseNumberOption)
    .argument('<role>', 'name of the role')
    .action(async (id: number, role: string, options: ManagerOptions) => {
      await managerOf(context, options).ask((api) =>
        api.DELETE('/api/v1/users/{id}/roles/{role}', { params: { path: { id, role } } }),
      );
      sayDone(context, options, `user ${id} does not have the role ${role} any more`, { id, role });
    });
}

function addRoleCommands(role: Command, context: CliContext): void {
  withManagerOptions(role.command('ls').description('list them')).action(
    async (options: ManagerOptions) =>
      showNames(
        context,
        await managerOf(context, options).ask((api) => api.GET('/api/v1/roles')),
        options,
      ),
  );
  withManagerOptions(role.command('get').description('what a role may do'))
    .argument('<name>', 'name of the role')
    .action(async (name: string, options: ManagerOptions) => {
      const answer = await managerOf(context, options).ask((api) =>
        api.GET('/api/v1/roles/{role}', { params: { path: { role: name } } }),
      );
      const permissions = answer.map(([, object = '', action = '']) => ({ object, action }));
      if (options.json === true) sayJson(context, { role: name, permissions });
      else {
        const cells = permissions.map(({ object, action }) => [object, action]);
        say(context, renderTable(['OBJECT', 'ACTION'], cells));
      }
    });
  withManagerOptions(role.command('create').description('make a role'))
    .argument('<name>', 'its name')
    .option('--allow <object:action>', 'as jobs:* or clusters:read (repeatable)', collectText)
    .action(async (name: string, options: ManagerOptions & { allow?: readonly string[] }) => {
      const permissions = (options.allow ?? []).map(parsePermission);
      await managerOf(context, options).ask((api) =>
        api.POST('/api/v1/roles', { body: { role: name, permissions } }),
      );
      sayDone(context, options, `role ${name} made`, { role: name, permissions });
    });
  withManagerOptions(role.command('rm').description('remove a role, and take it from everybody'))
    .argument('<name>', 'name of the role')
    .action(async (name: string, options: ManagerOptions) => {
      await managerOf(context, options).ask((api) =>
        api.DELETE('/api/v1/roles/{role}', { params: { path: { role: name } } }),
      );
      sayDone(context, options, `role ${name} removed`, { role: name });
    });
}

function showNames(context: CliContext, answer: unknown, { json }: ManagerOptions): void {
  const names = (Array.isArray(answer) ? answer : []).map(String);
  if (json === true) sayJson(context, { names });
  else
    say(
      context,
      renderTable(
        ['NAME'],
        names.map((name) => [name]),
      ),
    );
}

function parsePermission(raw: string): { readonly object: string; readonly action: string } {
  const [object = '', action = '', ...rest] = raw.split(':');
  if (object === '' || action === '' || rest.length > 0) {
    throw usageError('Write a permission as jobs:* or clusters:read.');
  }
  return { object, action };
}

function parseTime(raw: string): string {
  const time = new Date(raw);
  if (Number.isNaN(time.getTime())) throw new InvalidOption('Write a time as 2027-01-31.');
  return time.toISOString();
}
