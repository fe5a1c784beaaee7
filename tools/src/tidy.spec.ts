import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const MAX_LINES = 400;
const MAX_SPEC_LINES = 600;
const FORBIDDEN_NAMES = /^(utils?|common|helpers?|misc|shared|types|base|generic)(\.|$)/;

/** What git would commit: tracked files, and new ones that are not ignored. */
function committedFiles(): string[] {
  const words = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const listed = execFileSync('git', words, { cwd: root, encoding: 'utf8' }).split('\0');
  return [...new Set(listed)].filter((path) => path !== '' && existsSync(join(root, path))).sort();
}

const files = committedFiles().filter((path) => !/\/gen\/|^package-lock\.json$/.test(path));
const code = files.filter((path) => /\.(ts|mjs|cjs|js)$/.test(path));
const typescript = code.filter((path) => path.endsWith('.ts'));
const production = typescript.filter(
  (path) => !/\.spec\.ts$|\/test\/|\/testing\/|^libs\/testing\/|^e2e\//.test(path),
);
const markdown = files.filter((path) => path.endsWith('.md'));

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** `path:line` of every line that matches. */
function linesThatMatch(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
  );
}

/** Words in backquotes of a document. */
function wordsOf(path: string): Set<string> {
  return new Set([...read(path).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? ''));
}

describe('the repository', () => {
  it('has no file longer than one can read', () => {
    const tooLong = code.filter((path) => {
      const limit = path.endsWith('.spec.ts') ? MAX_SPEC_LINES : MAX_LINES;
      return read(path).trimEnd().split('\n').length > limit;
    });
    expect(tooLong).toEqual([]);
  });

  it('has no file or folder whose name says nothing', () => {
    // The names under proto/ are those of the protocol we speak.
    const own = files.filter((path) => !path.startsWith('proto/'));
    const bad = own.filter((path) => path.split('/').some((part) => FORBIDDEN_NAMES.test(part)));
    expect(bad).toEqual([]);
  });

  it('leaves no note about work that was not done', () => {
    // Put together here, so that this file does not match itself.
    const note = new RegExp(`\\b(${['TO', 'FIX'].join('DO|')}ME)\\b`);
    expect(linesThatMatch([...code, ...markdown], note)).toEqual([]);
  });

  it('points at nothing outside itself', () => {
    const outside = new RegExp(['\\.\\./shared/|', '/wor', 'k/(main|shared)'].join(''));
    const text = files.filter((path) => /\.(ts|mjs|cjs|js|json|md|ya?ml|proto)$/.test(path));
    expect(linesThatMatch(text, outside)).toEqual([]);
  });

  it('writes to the log or to the streams of a command, never by console', () => {
    // `console.dir` is a setting; the linter knows the method of that name.
    expect(linesThatMatch(typescript, /\bconsole[.](?!dir\b)\w/)).toEqual([]);
  });

  it('gives every document one title', () => {
    const titles = (path: string): number =>
      read(path)
        .replace(/^```[\s\S]*?^```/gm, '')
        .match(/^# /gm)?.length ?? 0;
    expect(markdown.filter((path) => titles(path) !== 1)).toEqual([]);
  });

  it('uses every migration number of an app once', () => {
    const numbers = files
      .filter((path) => /\/migrations\/\d{4}-[^/]+\.ts$/.test(path))
      .filter((path) => !path.endsWith('.spec.ts'))
      .map((path) => path.replace(/(\/\d{4})-[^/]+$/, '$1'));
    expect(numbers.filter((key, i) => numbers.indexOf(key) !== i)).toEqual([]);
  });
});

const errorsDoc = 'docs/errors.md';
const configDoc = 'docs/configuration.md';
const metricsDoc = 'docs/metrics.md';
const whenWritten = (path: string): jest.It => (existsSync(join(root, path)) ? it : it.skip);

describe('the documents', () => {
  whenWritten(errorsDoc)('name every error code that is thrown', () => {
    const thrown = production.flatMap((path) =>
      [...read(path).matchAll(/new \w+Error\(\s*'([A-Z][A-Z0-9_]+)'/g)].map((m) => m[1] ?? ''),
    );
    const named = wordsOf(errorsDoc);
    expect([...new Set(thrown)].filter((word) => !named.has(word)).sort()).toEqual([]);
  });

  it('name every metric, and no other', () => {
    const names = (text: string): string[] =>
      [...text.matchAll(/\bpondhawk_(?:manager|scheduler|peer)_\w+/g)].map(([name]) => name);
    const counted = new Set(production.flatMap((path) => names(read(path))));
    expect([...new Set(names(read(metricsDoc)))].sort()).toEqual([...counted].sort());
  });

  whenWritten(configDoc)('name every key of every daemon', () => {
    const keys = production.filter((path) => /\.config\.ts$/.test(path)).flatMap(configKeys);
    const named = [...wordsOf(configDoc)].flatMap((words) => words.split('.'));
    expect([...new Set(keys)].filter((key) => !named.includes(key)).sort()).toEqual([]);
  });
});

/** Properties of config classes: the lines `readonly name…` and `name = default` of a class body. */
function configKeys(path: string): string[] {
  const field = /^ {2}(?:readonly |override )?([a-z]\w*)[!?]?\s*[:=](?![=>])/gm;
  return [...read(path).matchAll(field)].map((match) => match[1] ?? '');
}
