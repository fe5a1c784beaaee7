import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { run } from './run-in-test.js';

const next = async (...words: string[]): Promise<string[]> =>
  (await run(['__complete', '--', ...words])).stdout.trim().split('\n');

describe('pondhawk completion', () => {
  it('knows commands, values and options at every place', async () => {
    expect(await next()).toEqual(expect.arrayContaining(['get', 'job', 'task', 'completion']));
    expect(await next()).not.toContain('__complete');
    expect(await next('job')).toEqual(expect.arrayContaining(['create', 'cancel', 'retry']));
    expect(await next('job', 'create')).toEqual(expect.arrayContaining(['get_task', '--wait']));
    expect(await next('job', 'create', 'get_task')).not.toContain('delete_task');
    expect(await next('job', 'ls', '--state')).toEqual(['PENDING', 'SUCCESS', 'FAILURE']);
    expect(await next('job', '--manager', 'http://x')).toContain('cancel');
    expect(await next('task', 'clear', '--cluster')).toEqual(['']);
  });

  it('prints a script for each shell, and refuses others', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { exitCode, stdout } = await run(['completion', shell]);
      expect([exitCode, stdout.includes('pondhawk __complete')]).toEqual([0, true]);
    }
    expect(await run(['completion', 'cmd'])).toMatchObject({ exitCode: 2 });
  });

  it('completes in a real bash', async () => {
    const { stdout: script } = await run(['completion', 'bash']);
    const candidates = (await next('job')).join('\\n');
    const line = [
      `pondhawk() { printf '${candidates}\\n'; }`,
      script,
      'COMP_WORDS=(pondhawk job ca) COMP_CWORD=2',
      '_pondhawk',
      'echo "${COMPREPLY[@]}"',
    ].join('\n');
    const { stdout } = await promisify(execFile)('bash', ['-c', line]);
    expect(stdout).toBe('cancel\n');
  });
});
