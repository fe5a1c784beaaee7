import { type Platform, chooseEntry, parsePlatform } from './image-platform.js';

/** An error with this code, and these details if any are given. */
const errorWith = (expected: { code: string; details?: unknown }): Error =>
  expect.objectContaining(expected) as Error;

const entry = (
  name: string | undefined,
  id = name,
): { platform: Platform | undefined; id: unknown } => ({
  platform: name === undefined ? undefined : parsePlatform(name),
  id,
});
const chosen = (names: (string | undefined)[], wanted: string): unknown =>
  chooseEntry(
    names.map((name) => entry(name)),
    parsePlatform(wanted),
  ).id;

describe('chooseEntry', () => {
  it.each([
    [['linux/amd64', 'linux/arm64'], 'linux/arm64', 'linux/arm64'],
    [['linux/arm64/v9', 'linux/arm64/v8', 'linux/arm64'], 'linux/arm64', 'linux/arm64/v8'],
    [['linux/arm/v6', 'linux/arm/v7'], 'linux/arm', 'linux/arm/v7'],
    [['linux/arm/v5', 'linux/arm/v6'], 'linux/arm', 'linux/arm/v5'],
    [['linux/arm/v5', 'linux/arm'], 'linux/arm', 'linux/arm'],
    [['linux/arm/v5', 'linux/arm/v6'], 'linux/arm/v6', 'linux/arm/v6'],
    [['linux/arm64'], 'linux/arm64/v8', 'linux/arm64'],
    [['unknown/unknown', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['linux/amd64', 'linux/amd64/v3'], 'linux/amd64', 'linux/amd64'],
    [[undefined], 'linux/amd64', undefined],
  ])('finds in %j for %s: %s', (names, wanted, expected) => {
    expect(chosen(names, wanted)).toBe(expected);
  });

  it.each([
    [['linux/amd64', 'windows/amd64'], 'linux/arm64'],
    [['linux/arm/v7'], 'linux/arm/v6'],
    [['linux/arm64'], 'linux/arm64/v9'],
    [[undefined, 'linux/arm64'], 'linux/amd64'],
    [[], 'linux/amd64'],
  ])('finds nothing in %j for %s, and says what there is', (names, wanted) => {
    const offered = names.filter((name) => name !== undefined);
    expect(() => chosen(names, wanted)).toThrow(
      errorWith({
        code: 'IMAGE_PLATFORM_MISSING',
        details: { field: 'args.platform', offered },
      }),
    );
  });
});

describe('parsePlatform', () => {
  it.each([
    'linux',
    'linux/',
    '/amd64',
    'linux/amd64/v1/x',
    'Linux/amd64',
    'linux/amd 64',
    '',
    'a/b/',
  ])('refuses %j', (raw) => {
    expect(() => parsePlatform(raw)).toThrow(
      errorWith({ code: 'INVALID_PLATFORM', details: { field: 'args.platform' } }),
    );
  });
});
