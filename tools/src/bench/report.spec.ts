import { findingsTable, formatNumber, isMet, seriesTable, type Finding } from './report.js';

const finding: Finding = { what: 'speed', value: 2, unit: '×', goal: 2, bound: 'least' };

describe('isMet', () => {
  it('counts the goal itself as met, from either side', () => {
    expect(isMet(finding)).toBe(true);
    expect(isMet({ ...finding, bound: 'most' })).toBe(true);
  });

  it('is false on the wrong side of the goal', () => {
    expect(isMet({ ...finding, value: 1.99 })).toBe(false);
    expect(isMet({ ...finding, value: 2.01, bound: 'most' })).toBe(false);
  });

  it('is false for what could not be measured', () => {
    expect(isMet({ ...finding, value: Number.NaN })).toBe(false);
    expect(isMet({ ...finding, value: Number.NaN, bound: 'most' })).toBe(false);
  });
});

describe('formatNumber', () => {
  it.each([
    [0.1234, '0.12'],
    [12.34, '12.3'],
    [123.4, '123'],
    [Number.NaN, '—'],
  ])('writes %s as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

describe('findingsTable', () => {
  it('says of each figure whether its goal is met', () => {
    const missed = { ...finding, what: 'memory', value: 200, unit: 'MiB', goal: 150 } as const;
    const text = findingsTable([
      { part: 'p', findings: [finding, { ...missed, bound: 'most' }], series: [], notes: [] },
    ]);
    expect(text).toMatch(/^ {2}p +speed +2\.00× +≥ 2× +met$/m);
    expect(text).toMatch(/^ {2}p +memory +200 MiB +≤ 150 MiB +missed$/m);
  });
});

describe('seriesTable', () => {
  it('shows the median beside the raw figures', () => {
    const series = [{ name: 'curl', unit: 's', values: [1, 2, 9] } as const];
    expect(seriesTable({ part: 'p', findings: [], series, notes: [] })).toMatch(
      /curl +2\.00 s +1\.00 {2}2\.00 {2}9\.00$/m,
    );
  });
});
