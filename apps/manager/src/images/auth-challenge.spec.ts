import { parseChallenges } from './auth-challenge.js';

const bearer = (parameters: Record<string, string>): unknown => ({ scheme: 'bearer', parameters });

describe('parseChallenges', () => {
  it.each([
    ['', []],
    ['Bearer', [bearer({})]],
    ['Negotiate, Basic realm="r"', ['negotiate', 'basic']],
    ['Basic realm="a", Bearer realm="b"', ['basic', 'bearer']],
    [',, Bearer   realm = "b" ,', ['bearer']],
    ['"', []],
  ])('reads the schemes of %j', (header, expected) => {
    const found = parseChallenges(header);
    const schemes = found.map(({ scheme }) => scheme);
    expect(expected.every((e) => typeof e === 'string') ? schemes : found).toEqual(expected);
  });

  it.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      {
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:a/b:pull,push',
      },
    ],
    [
      'bearer REALM=plain, error="insufficient_scope"',
      { realm: 'plain', error: 'insufficient_scope' },
    ],
    ['Bearer realm="a\\"b\\\\c"', { realm: 'a"b\\c' }],
    ['Bearer realm="first", realm="second"', { realm: 'first' }],
    ['Bearer realm=""', { realm: '' }],
    ['Bearer realm="not closed', {}],
  ])('reads the parameters of %j', (header, parameters) => {
    expect(parseChallenges(header)[0]).toEqual(bearer(parameters));
  });

  it('takes no longer than the header is, whatever stands in it', () => {
    const began = performance.now();
    for (const part of ['a=b,', 'a="\\', 'Basic ', '=,', 'a  ', '"""']) {
      parseChallenges(`Bearer ${part.repeat(16_384 / part.length)}`);
    }
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
