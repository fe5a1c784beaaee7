import fc from 'fast-check';
import { InvalidArgumentError } from '@pondhawk/core';
import { Host } from '../gen/common/v2/common.js';
import { fromHostRecord, toHostRecord } from '../mappers/host-mapper.js';
import { formatCrc32Digest, parseCrc32Digest } from '../mappers/piece-mapper.js';
import { formatDeleteOutcome, parseDeleteOutcome } from '../metadata-keys.js';
import { HostRecord } from './host-record.js';
import { OrderPayload } from './order-payload.js';
import { encodePayload, parsePayload } from './parse-payload.js';
import { ReportPayload, TargetReport } from './report-payload.js';
import {
  jobsStream,
  jobsStreamSubject,
  jobSubject,
  parseJobSubject,
  reportsStream,
  reportSubject,
  schedulerDurable,
  schedulerJobsFilter,
} from './subjects.js';

const HOST = {
  id: '127.0.0.1-h1',
  host_name: 'h1',
  type: 'normal',
  idc: '',
  location: '',
  ip: '127.0.0.1',
  port: 4000,
  download_port: 4000,
  os: 'linux',
  platform: '',
  platform_family: '',
  platform_version: '',
  kernel_version: '',
  git_version: '',
  git_commit: '',
  build_platform: '',
};

function anOrder(change: object = {}): object {
  return {
    format: 1,
    order_id: 1,
    job_id: 2,
    attempt: 1,
    type: 'delete_task',
    scheduler_cluster_id: 1,
    scheduler_id: 7,
    schedulers: [{ id: 7, hostname: 's1', ip: '127.0.0.1', port: 8002 }],
    args: { task_id: 'ab'.repeat(32) },
    spec: { timeout_ms: 1000, parallelism: 4, failure_strategy: 'CONTINUE' },
    accepted_at_ms: 1,
    deadline_at_ms: 1001,
    ...change,
  };
}

function aTarget(change: object = {}): object {
  return {
    node: 'host:127.0.0.1-h1',
    host: HOST,
    try: 1,
    outcome: 'deleted',
    deleted_bytes: 5,
    attempts: 1,
    started_at_ms: 1,
    ended_at_ms: 2,
    ...change,
  };
}

function aReport(change: object = {}): object {
  return {
    format: 1,
    report_id: '7b0f9b0e-6a39-4c3c-9d0f-0e6a7e1c2f11',
    order_id: 1,
    job_id: 2,
    attempt: 1,
    scheduler_id: 7,
    scheduler_cluster_id: 1,
    run_started_at_ms: 1_760_000_000_000,
    number: 1,
    targets: [aTarget()],
    is_last: true,
    ...change,
  };
}

function errorOf(action: () => unknown): { code: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error;
    throw error;
  }
  return { code: 'nothing thrown', message: '' };
}

describe('parsePayload', () => {
  it('gives back what was written, as instances', () => {
    const order = parsePayload(OrderPayload, encodePayload(anOrder()));
    expect(order).toBeInstanceOf(OrderPayload);
    expect(JSON.parse(JSON.stringify(order))).toEqual(anOrder());
    const report = parsePayload(ReportPayload, encodePayload(aReport()));
    expect(report.targets[0]).toBeInstanceOf(TargetReport);
    expect(JSON.parse(JSON.stringify(report))).toEqual(aReport());
  });

  it('ignores fields that it does not know, at every depth', () => {
    const json = JSON.stringify(
      aReport({ later: 1, targets: [aTarget({ later: {}, host: { ...HOST, later: [] } })] }),
    );
    expect(JSON.parse(JSON.stringify(parsePayload(ReportPayload, json)))).toEqual(aReport());
  });

  it('refuses a newer format before it looks at anything else', () => {
    const error = errorOf(() => parsePayload(OrderPayload, JSON.stringify({ format: 2 })));
    expect(error.code).toBe('PAYLOAD_FORMAT_TOO_NEW');
    expect(error.message).toContain('format 2');
  });

  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
  ])('refuses %s', (_name, json) => {
    expect(errorOf(() => parsePayload(OrderPayload, json)).code).toBe('PAYLOAD_NOT_JSON');
  });

  it.each<[string, object, string]>([
    ['an unknown type', { type: 'other' }, 'type'],
    ['no format', { format: undefined }, 'format'],
    ['a task id that is a path', { args: { task_id: '../x' } }, 'args.task_id'],
    ['a job id with a fraction', { job_id: 1.5 }, 'job_id'],
    ['a number in quotes', { order_id: '1' }, 'order_id'],
    ['a scheduler without a port', { schedulers: [{ id: 1 }] }, 'schedulers.0.port'],
    ['no args', { args: undefined }, 'args'],
    ['a purge epoch that is none', { purge: { log_epoch: 'x', seq: 0 } }, 'purge.log_epoch'],
  ])('refuses an order with %s and names the field', (_name, change, field) => {
    const error = errorOf(() => parsePayload(OrderPayload, JSON.stringify(anOrder(change))));
    expect(error.code).toBe('PAYLOAD_INVALID');
    expect(error.message).toContain(field);
  });

  it.each([
    [500, 'nothing thrown'],
    [501, 'PAYLOAD_INVALID'],
  ])('takes 500 targets and no more: %d', (count, code) => {
    const targets = Array.from({ length: count }, () => aTarget());
    const json = JSON.stringify(aReport({ targets }));
    expect(errorOf(() => parsePayload(ReportPayload, json)).code).toBe(code);
  });

  it('throws nothing but its own error on any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(['PAYLOAD_NOT_JSON', 'PAYLOAD_INVALID', 'PAYLOAD_FORMAT_TOO_NEW']).toContain(
          errorOf(() => parsePayload(ReportPayload, json)).code,
        );
      }),
    );
  });
});

describe('subjects', () => {
  const of = { epoch: '0a1b', clusterId: 1, schedulerId: 7, type: 'delete_task' } as const;

  it('are those that streams and durables filter', () => {
    expect(jobsStream('0a1b')).toBe('PONDHAWK_JOBS_0a1b');
    expect(reportsStream('0a1b')).toBe('PONDHAWK_REPORTS_0a1b');
    expect(jobsStreamSubject('0a1b')).toBe('pondhawk.v1.0a1b.jobs.>');
    expect(jobSubject(of)).toBe('pondhawk.v1.0a1b.jobs.1.7.delete_task');
    expect(schedulerJobsFilter(of)).toBe('pondhawk.v1.0a1b.jobs.1.7.>');
    expect(schedulerDurable(7)).toBe('s7');
    expect(reportSubject(of)).toBe('pondhawk.v1.0a1b.reports.1');
  });

  it('are read back, types of a newer manager included', () => {
    expect(parseJobSubject(jobSubject(of))).toEqual(of);
    expect(parseJobSubject('pondhawk.v1.e.jobs.1.7.preheat')?.type).toBe('preheat');
    expect(parseJobSubject('pondhawk.v1.e.reports.1')).toBeUndefined();
  });

  it.each(['', 'a.b', '*', '>', 'a b'])('refuse the epoch %j', (epoch) => {
    expect(errorOf(() => jobSubject({ ...of, epoch })).code).toBe('INVALID_BROKER_EPOCH');
  });
});

describe('mappers', () => {
  it('carry a host record through gRPC and back', () => {
    const facts = { ...HOST, type: 'super', idc: 'i', location: 'l', git_commit: 'c' };
    const record = Object.assign(new HostRecord(), facts);
    const bytes = Host.encode(fromHostRecord(record, 1)).finish();
    expect(toHostRecord(Host.decode(bytes))).toEqual(record);
  });

  it('read a crc32 digest and nothing else', () => {
    expect(formatCrc32Digest(-1)).toBe('crc32:4294967295');
    expect(parseCrc32Digest('crc32:4294967295')).toBe(4_294_967_295);
    for (const other of ['', 'crc32:', 'crc32:4294967296', 'crc32:-1', 'md5:00', 'crc32:1 ']) {
      expect(parseCrc32Digest(other)).toBeUndefined();
    }
  });

  it('read what our peers say of a delete, and take nothing else for it', () => {
    const outcome = { outcome: 'deleted', copies: 1, deleted_bytes: 5 } as const;
    expect(parseDeleteOutcome(formatDeleteOutcome(outcome))).toEqual(outcome);
    const told = { ...outcome, incarnation: 'a1', folder_lock: 'cc' } as const;
    expect(parseDeleteOutcome(formatDeleteOutcome(told))).toEqual(told);
    for (const other of [undefined, '', '{', 'null', '{}', '{"outcome":"deleted","copies":-1}']) {
      expect(parseDeleteOutcome(other)).toBeUndefined();
    }
  });
});
