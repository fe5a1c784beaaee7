import { configFileFromArgv, faultsFromEnv } from './index.js';

const test = (fault: string): Record<string, string> => ({
  NODE_ENV: 'test',
  PONDHAWK_FAULT: fault,
});

describe('faultsFromEnv', () => {
  it('does nothing when none is switched on', () => {
    const faults = faultsFromEnv({ NODE_ENV: 'production' });
    expect(() => faults.reach('peer.fill.row-written')).not.toThrow();
  });

  it('throws at the planned reach of the planned point only', () => {
    const faults = faultsFromEnv(test('peer.fill.row-written:throw@2,peer.delete.marked:throw'));
    expect(() => faults.reach('peer.fill.row-written')).not.toThrow();
    expect(() => faults.reach('peer.fill.row-written')).toThrow('Fault at peer.fill.row-written.');
    expect(() => faults.reach('peer.fill.row-written')).not.toThrow();
    expect(() => faults.reach('peer.delete.marked')).toThrow('Fault at peer.delete.marked.');
  });

  it('kills the process that reaches a point without an action', () => {
    const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
    const wait = jest.spyOn(Atomics, 'wait').mockReturnValue('ok');
    faultsFromEnv(test('peer.delete.unlinked')).reach('peer.delete.unlinked');
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL');
    kill.mockRestore();
    wait.mockRestore();
  });

  it('refuses to work outside tests', () => {
    const env = { PONDHAWK_FAULT: 'peer.delete.marked' };
    expect(() => faultsFromEnv(env)).toThrow('NODE_ENV=test');
    expect(() => faultsFromEnv({ ...env, NODE_ENV: 'production' })).toThrow('NODE_ENV=test');
  });

  it.each(['peer.delete.market', 'peer.delete.marked:explode', 'peer.delete.marked@0'])(
    'refuses %s, which does not exist',
    (fault) => {
      expect(() => faultsFromEnv(test(fault))).toThrow(fault);
    },
  );
});

describe('configFileFromArgv', () => {
  it('finds the file, the help and the version', () => {
    expect(configFileFromArgv(['--config', 'a.yaml'])).toEqual({ kind: 'run', file: 'a.yaml' });
    expect(configFileFromArgv([])).toEqual({ kind: 'run', file: undefined });
    expect(configFileFromArgv(['--help'])).toEqual({ kind: 'help' });
    expect(configFileFromArgv(['--version'])).toEqual({ kind: 'version' });
  });

  it.each([['--confg'], ['peer.yaml'], ['--config']])('refuses %s and says what exists', (word) => {
    expect(() => configFileFromArgv([word])).toThrow('--config FILE.yaml');
  });
});
