/** What a bench found, and how it is printed. */

import { median } from './statistics.js';

/** Measurements of one side, one a round. */
export interface Series {
  readonly name: string;
  readonly unit: 's' | 'ms' | 'MiB' | 'KiB' | '%' | '/s';
  readonly values: readonly number[];
}

/** One figure that is looked at. */
export interface Finding {
  readonly what: string;
  readonly value: number;
  readonly unit: '×' | 'MiB' | 'KiB' | 's' | 'ms' | '%' | '';
  /** Absent: shown to be compared with the next time. */
  readonly goal?: number;
  /** `least`: the value is to be the goal or more. */
  readonly bound: 'least' | 'most';
}

/** What one part of the bench found. */
export interface PartReport {
  readonly part: string;
  readonly findings: readonly Finding[];
  readonly series: readonly Series[];
  /** What one has to know to read the figures. */
  readonly notes: readonly string[];
}

/** Whether a figure is as good as it should be; never, if it is no number. */
export function isMet({ value, goal, bound }: Finding): boolean {
  if (goal === undefined) return true;
  return bound === 'least' ? value >= goal : value <= goal;
}

/** The table of figures with their goals, one row each. */
export function findingsTable(reports: readonly PartReport[]): string {
  const rows = reports.flatMap(({ part, findings }) =>
    findings.map((finding) => [
      part,
      finding.what,
      `${formatNumber(finding.value)}${space(finding.unit)}`,
      ...verdict(finding),
    ]),
  );
  return table([['part', 'figure', 'value', 'goal', ''], ...rows]);
}

function verdict(finding: Finding): [goal: string, state: string] {
  const { goal, bound, unit } = finding;
  if (goal === undefined) return ['', ''];
  return [
    `${bound === 'least' ? '≥' : '≤'} ${goal}${space(unit)}`,
    isMet(finding) ? 'met' : 'missed',
  ];
}

/** Every series of a part: its median and its raw values. */
export function seriesTable({ series }: PartReport): string {
  const rows = series.map(({ name, unit, values }) => [
    name,
    `${formatNumber(median(values))} ${unit}`,
    values.map(formatNumber).join('  '),
  ]);
  return table([['side', 'median', 'raw figures'], ...rows]);
}

/** Three significant digits, and no fewer before the point than there are. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '—';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function space(unit: string): string {
  return unit === '' || unit === '×' ? unit : ` ${unit}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}
