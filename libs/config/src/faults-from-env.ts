import {
  ConfigError,
  FAULT_POINTS,
  Faults,
  InvariantError,
  NoFaults,
  type FaultPoint,
} from '@pondhawk/core';
import { nearestOf } from './nearest-name.js';

/** What happens at a named place: the process is killed as by `kill -9`, an error is thrown, or it stops for ever. */
export type FaultAction = 'kill' | 'throw' | 'hang';

interface PlannedFault {
  readonly point: FaultPoint;
  readonly action: FaultAction;
  /** At which reach of the point, from 1. */
  readonly reachNumber: number;
}

const FAULT = /^([a-z.-]+)(?::(kill|throw|hang))?(?:@([1-9]\d{0,8}))?$/;

/**
 * The faults switched on by `PONDHAWK_FAULT`, a list with commas of `<point>[:kill|throw|hang][@n]`:
 * at the n-th reach (default the first), `kill` unless told otherwise.
 *
 * @throws ConfigError `FAULTS_NOT_ALLOWED` unless NODE_ENV is `test`, `FAULT_UNKNOWN` for a point or
 *   form that does not exist.
 */
export function faultsFromEnv(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Faults {
  const raw = env['PONDHAWK_FAULT'];
  if (raw === undefined || raw === '') return new NoFaults();
  if (env['NODE_ENV'] !== 'test') {
    throw new ConfigError(
      'FAULTS_NOT_ALLOWED',
      'PONDHAWK_FAULT is for tests only: it needs NODE_ENV=test. Unset it.',
    );
  }
  return new PlannedFaults(raw.split(',').map((one) => parseFault(one.trim())));
}

/** Does what was planned, at the reach it was planned for. */
class PlannedFaults extends Faults {
  private readonly reaches = new Map<FaultPoint, number>();

  constructor(private readonly planned: readonly PlannedFault[]) {
    super();
  }

  reach(point: FaultPoint): void {
    const reachNumber = (this.reaches.get(point) ?? 0) + 1;
    this.reaches.set(point, reachNumber);
    for (const fault of this.planned) {
      if (fault.point === point && fault.reachNumber === reachNumber) act(fault);
    }
  }
}

function act({ action, point }: PlannedFault): void {
  switch (action) {
    case 'throw':
      throw new InvariantError('FAULT_INJECTED', `Fault at ${point}.`, { details: { point } });
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      // The signal may arrive a moment later; nothing may run until then.
      stopForEver();
      break;
    case 'hang':
      stopForEver();
  }
}

function stopForEver(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function parseFault(raw: string): PlannedFault {
  const [, name = '', action = 'kill', reachNumber = '1'] = FAULT.exec(raw) ?? [];
  const point = FAULT_POINTS.find((known) => known === name);
  if (point === undefined) {
    const nearest = nearestOf(name || raw, FAULT_POINTS);
    throw new ConfigError(
      'FAULT_UNKNOWN',
      `PONDHAWK_FAULT names no fault: "${raw}".${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
    );
  }
  return { point, action: action as FaultAction, reachNumber: Number(reachNumber) };
}
