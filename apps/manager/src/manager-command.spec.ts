import { resolve } from 'node:path';
import { managerCommandFromArgv } from './manager-command.js';

describe('managerCommandFromArgv', () => {
  it.each(['backup', 'restore'] as const)('reads %s with its file and the settings', (kind) => {
    expect(managerCommandFromArgv([kind, 'a.db', '--config', 'm.yaml'])).toEqual({
      kind,
      copy: resolve('a.db'),
      file: 'm.yaml',
    });
    expect(managerCommandFromArgv([kind, '/a.db'])).toEqual({
      kind,
      copy: '/a.db',
      file: undefined,
    });
    expect(managerCommandFromArgv([kind, '--help'])).toEqual({ kind: 'help' });
  });

  it('runs the manager without such a word', () => {
    expect(managerCommandFromArgv(['--config', 'm.yaml'])).toEqual({ kind: 'run', file: 'm.yaml' });
    expect(managerCommandFromArgv([])).toEqual({ kind: 'run', file: undefined });
  });

  it.each([
    [['backup'], 'Name the file: pondhawk-manager backup FILE'],
    [['restore', '--config', 'm.yaml'], 'Name the file: pondhawk-manager restore FILE'],
    [['backup', 'a.db', 'b.db'], 'Use --config FILE.yaml'],
    [['backups', 'a.db'], 'Use --config FILE.yaml'],
  ])('refuses %j', (argv, text) => {
    expect(() => managerCommandFromArgv(argv)).toThrow(text);
  });
});
