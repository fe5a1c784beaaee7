import {
  installedMatchesLock,
  nodeIsNewEnough,
  planAddon,
  planTools,
  readyKey,
  tallyOfJest,
} from '../bootstrap/plan.cjs';

const bare = {
  root: true,
  apt: true,
  compiler: false,
  prebuiltHost: false,
  headersPrefix: '',
  missingTools: [],
};

describe('planAddon', () => {
  describe('when no compiler is here and the prebuilt addon cannot be fetched', () => {
    it('installs a compiler as root on Debian', () => {
      expect(planAddon(bare).apt).toEqual(['python3', 'make', 'g++']);
    });

    it('names the exact line to run when not root', () => {
      const found = planAddon({ ...bare, root: false });
      expect(found.apt).toEqual([]);
      expect(found.refuse).toBe(
        'sudo apt-get update && sudo apt-get install -y --no-install-recommends python3 make g++',
      );
    });

    it('refuses without a line for apt where there is no apt', () => {
      expect(planAddon({ ...bare, apt: false }).refuse).toContain('install a C++ compiler');
    });
  });

  describe('when the prebuilt addon can be fetched', () => {
    it('installs nothing and does not ask for a compile', () => {
      const found = planAddon({ ...bare, root: false, prebuiltHost: true });
      expect(found.apt).toEqual([]);
      expect(found.refuse).toBeUndefined();
      expect(found.env).not.toHaveProperty('npm_config_build_from_source');
    });
  });

  describe('when a compiler is here and the prebuilt addon cannot be fetched', () => {
    it('compiles without waiting for the download', () => {
      const found = planAddon({ ...bare, root: false, compiler: true });
      expect(found.apt).toEqual([]);
      expect(found.env['npm_config_build_from_source']).toBe('better-sqlite3');
    });
  });

  it('points the compile at the headers that came with Node, and only at those', () => {
    const withHeaders = planAddon({ ...bare, headersPrefix: '/opt/node' });
    expect(withHeaders.env['npm_config_nodedir']).toBe('/opt/node');
    expect(planAddon(bare).env).not.toHaveProperty('npm_config_nodedir');
  });
});

describe('planTools', () => {
  const noNats = { ...bare, missingTools: ['nats-server', 'aria2c'] };

  it('installs what the command needs and nothing else', () => {
    expect(planTools('demo', noNats).apt).toEqual(['nats-server']);
    expect(planTools('build', noNats).apt).toEqual([]);
    expect(planTools('test', noNats).apt).toEqual(['nats-server', 'aria2']);
  });

  it('refuses to run the demo without NATS when it may not install it', () => {
    const found = planTools('demo', { ...noNats, root: false });
    expect(found.apt).toEqual([]);
    expect(found.refuse).toEqual([
      'nats-server is missing: sudo apt-get update && sudo apt-get install -y --no-install-recommends nats-server',
    ]);
  });

  it('says where to get NATS on a machine without apt', () => {
    const [words] = planTools('up', { ...noNats, apt: false }).refuse;
    expect(words).toContain('https://github.com/nats-io/nats-server/releases');
    expect(words).toContain('PONDHAWK_NATS_SERVER');
  });

  it('runs the tests with fewer tools and says which are missing', () => {
    const found = planTools('test', { ...noNats, root: false });
    expect(found.refuse).toEqual([]);
    expect(found.warn).toHaveLength(2);
  });
});

describe('nodeIsNewEnough', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0'])('takes %s', (version) => {
    expect(nodeIsNewEnough(version)).toBe(true);
  });

  it.each(['20.18.9', '18.20.8', '9.99.99'])('refuses %s', (version) => {
    expect(nodeIsNewEnough(version)).toBe(false);
  });
});

describe('readyKey', () => {
  const input = { lock: '{}', nodeVersion: 'v20.19.0', arch: 'x64' };

  it.each([{ lock: '{ }' }, { nodeVersion: 'v22.0.0' }, { arch: 'arm64' }])(
    'changes with %p',
    (change) => {
      expect(readyKey({ ...input, ...change })).not.toBe(readyKey(input));
    },
  );
});

describe('installedMatchesLock', () => {
  const lock = {
    packages: {
      '': {},
      'libs/core': { version: '0.1.0' },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/b-win32': { version: '1.0.0', integrity: 'sha512-b', optional: true },
    },
  };
  const a = lock.packages['node_modules/a'];

  it('takes an install that lacks only optional packages', () => {
    expect(installedMatchesLock(lock, { packages: { 'node_modules/a': a } })).toBe(true);
  });

  it('refuses another version, other content, or a missing package', () => {
    const other = { ...a, version: '1.0.1' };
    const forged = { ...a, integrity: 'sha512-x' };
    expect(installedMatchesLock(lock, { packages: { 'node_modules/a': other } })).toBe(false);
    expect(installedMatchesLock(lock, { packages: { 'node_modules/a': forged } })).toBe(false);
    expect(installedMatchesLock(lock, { packages: {} })).toBe(false);
  });

  it('refuses when the lock file names nothing', () => {
    expect(installedMatchesLock({}, {})).toBe(false);
  });
});

describe('tallyOfJest', () => {
  const result = {
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 2,
    numTodoTests: 0,
    success: true,
    testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
  };

  it('counts passed and skipped tests', () => {
    expect(tallyOfJest(result, 0)).toEqual({ passed: 3, failed: 0, skipped: 2 });
  });

  it('counts a file that died before its first test', () => {
    const testResults = [{ status: 'failed', assertionResults: [] }];
    expect(tallyOfJest({ ...result, testResults }, 1).failed).toBe(1);
  });

  it('does not count a failed test twice', () => {
    const testResults = [{ status: 'failed', assertionResults: [{ status: 'failed' }] }];
    expect(tallyOfJest({ ...result, numFailedTests: 1, testResults }, 1).failed).toBe(1);
  });

  it('counts a run that ended badly without a failed test, or left no result', () => {
    expect(tallyOfJest(result, 1).failed).toBe(1);
    expect(tallyOfJest(undefined, 0).failed).toBe(1);
  });
});
