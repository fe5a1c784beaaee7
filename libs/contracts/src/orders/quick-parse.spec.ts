import fc from 'fast-check';
import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { IsInt, IsString, ValidateIf, validateSync } from 'class-validator';
import { OrderPayload } from './order-payload.js';
import { quickParse } from './quick-parse.js';
import { ReportPayload } from './report-payload.js';

const HOST = Object.fromEntries(
  [
    ...['id', 'host_name', 'idc', 'location', 'ip', 'os', 'platform', 'platform_family'],
    ...['platform_version', 'kernel_version', 'git_version', 'git_commit', 'build_platform'],
  ].map((name) => [name, name]),
) as Record<string, unknown>;
const TASK = {
  ...{ id: 'a', url: '', tag: '', application: '', state: 'complete', content_length: 1 },
  ...{ finished_bytes: 1, piece_length: 1, created_at_ms: 1, updated_at_ms: 1, finished_at_ms: 2 },
};
const REPORT = {
  ...{ format: 1, report_id: '7b0f9b0e-6a39-4c3c-9d0f-0e6a7e1c2f11', order_id: 1, job_id: 2 },
  ...{ attempt: 1, scheduler_id: 7, scheduler_cluster_id: 1, is_last: true },
  ...{ run_started_at_ms: 1, number: 1, names_follow: false },
  error: { code: 'A', message: 'b' },
  targets: [
    {
      ...{ node: 'host:h', try: 1, outcome: 'deleted', code: 'A', message: 'b', attempts: 1 },
      ...{ deleted_bytes: 5, started_at_ms: 1, ended_at_ms: 2 },
      host: { ...HOST, type: 'normal', port: 1, download_port: 2 },
      task: TASK,
      tasks: [TASK, TASK],
    },
  ],
};
const ORDER = {
  ...{ format: 1, order_id: 1, job_id: 2, attempt: 1, type: 'delete_task' },
  ...{ scheduler_cluster_id: 1, scheduler_id: 7, accepted_at_ms: 1, deadline_at_ms: 2 },
  schedulers: [{ id: 7, hostname: 's1', ip: '127.0.0.1', port: 8002 }],
  args: { task_id: 'ab'.repeat(32) },
  spec: { timeout_ms: 1000, parallelism: 4, failure_strategy: 'CONTINUE' },
  purge: { log_epoch: '0'.repeat(32), seq: 1 },
};
const ODD = [
  ...[undefined, null, '', 'x', 'host:x', 0, -1, 1.5, 2 ** 40, 70_000, true, 'y'.repeat(5_000)],
  ...[[], {}, [null], [{}], [[]], { id: 1 }],
];

/** Every place of a JSON value, as a path. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    [...path, name],
    ...pathsOf(inner, [...path, name]),
  ]);
}

function withChange(plain: object, path: readonly string[], odd: unknown): object {
  const copy = structuredClone(plain);
  let at = copy as Record<string, unknown>;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>;
  at[path.at(-1) ?? ''] = odd;
  return JSON.parse(JSON.stringify(copy)) as object;
}

describe('quickParse', () => {
  it.each<[string, ClassConstructor<object>, object]>([
    ['a report', ReportPayload, REPORT],
    ['an order', OrderPayload, ORDER],
  ])(
    'gives for %s what class-transformer and class-validator give, or nothing',
    (_name, type, plain) => {
      expect(quickParse(type, plain)).toEqual(plainToInstance(type, plain));
      expect(quickParse(type, plain)).toBeInstanceOf(type);
      const paths = pathsOf(plain);
      const anywhere = fc.oneof(
        fc.constantFrom(...paths),
        fc.constantFrom(...paths).map((path) => [...path.slice(0, -1), 'unknown']),
      );
      let acceptedCount = 0;
      fc.assert(
        fc.property(anywhere, fc.constantFrom(...ODD), (path, odd) => {
          const changed = withChange(plain, path, odd);
          const quick = quickParse(type, changed);
          if (quick === undefined) return;
          acceptedCount += 1;
          const slow = plainToInstance(type, changed);
          expect(validateSync(slow, { whitelist: true })).toEqual([]);
          expect(quick).toEqual(slow);
          expect(JSON.stringify(quick).length).toBe(JSON.stringify(slow).length);
        }),
        { numRuns: 1_000 },
      );
      expect(acceptedCount).toBeGreaterThan(100);
    },
  );

  it('looks at each element of a list', () => {
    class Each {
      @IsString({ each: true }) list!: string[];
    }
    expect(quickParse(Each, { list: ['x', 'y'] })).toEqual({ list: ['x', 'y'] });
    expect(quickParse(Each, { list: [] })).toEqual({ list: [] });
    for (const list of [['x', 1], 'x', null, {}])
      expect(quickParse(Each, { list })).toBeUndefined();
  });

  it('leaves classes with decorators that it does not know to others', () => {
    class Conditional {
      @ValidateIf(({ a }: Conditional) => a > 1) @IsString() b!: string;
      @IsInt() a!: number;
    }
    expect(quickParse(Conditional, { a: 2, b: 'x' })).toEqual({ a: 2, b: 'x' });
    expect(quickParse(Conditional, { a: 2, b: 3 })).toBeUndefined();
  });
});
