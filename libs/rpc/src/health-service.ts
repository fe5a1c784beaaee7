import { NotFoundError } from '@pondhawk/core';
import type { CallContext, ServiceHandlers } from './service-handlers.js';

/** Values of grpc.health.v1.HealthCheckResponse.ServingStatus. */
export const ServingStatus = { Unknown: 0, Serving: 1, NotServing: 2, ServiceUnknown: 3 } as const;
/** See the constant. */
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

/** grpc.health.v1.HealthCheckRequest. */
export interface HealthCheckRequest {
  /** Full service name; empty for the daemon as a whole. */
  readonly service: string;
}

/** grpc.health.v1.HealthCheckResponse. */
export interface HealthCheckResponse {
  readonly status: ServingStatus;
}

const codec = {
  requestSerialize: encodeRequest,
  requestDeserialize: decodeRequest,
  responseSerialize: ({ status }: HealthCheckResponse): Buffer =>
    status === 0 ? Buffer.alloc(0) : Buffer.from([0x08, status]),
  responseDeserialize: decodeResponse,
};

/** The standard health service. @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export const HealthService = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    ...codec,
  },
  watch: {
    path: '/grpc.health.v1.Health/Watch',
    requestStream: false,
    responseStream: true,
    ...codec,
  },
} as const;

/** What a listener says of its services. Names are full, as `pondhawk.v1.Swarm`; '' is the whole. */
export class HealthStatuses {
  private readonly statuses = new Map<string, boolean>();
  private readonly wakers = new Set<() => void>();

  /** Says whether a service is served; watchers are told. */
  set(service: string, isServing: boolean): void {
    this.statuses.set(service, isServing);
    for (const wake of [...this.wakers]) wake();
  }

  /** Says of every service that it is not served. */
  setAllNotServing(): void {
    for (const service of this.statuses.keys()) this.set(service, false);
  }

  /** @returns SERVICE_UNKNOWN for a service this listener does not have. */
  get(service: string): ServingStatus {
    const isServing = this.statuses.get(service);
    if (isServing === undefined) return ServingStatus.ServiceUnknown;
    return isServing ? ServingStatus.Serving : ServingStatus.NotServing;
  }

  /** Carries the health service out. */
  handlers(): ServiceHandlers<typeof HealthService> {
    return {
      check: ({ service }) => Promise.resolve(this.check(service)),
      watch: ({ service }, { signal }) => this.watch(service, signal),
    };
  }

  private check(service: string): HealthCheckResponse {
    const status = this.get(service);
    if (status === ServingStatus.ServiceUnknown) {
      throw new NotFoundError('SERVICE_UNKNOWN', `Service ${service} is not served here.`);
    }
    return { status };
  }

  private async *watch(
    service: string,
    signal: CallContext['signal'],
  ): AsyncGenerator<HealthCheckResponse> {
    let last: ServingStatus | undefined;
    while (!signal.aborted) {
      const status = this.get(service);
      if (status === last) {
        await this.change(signal);
      } else {
        last = status;
        yield { status };
      }
    }
  }

  private async change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.wakers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

const LENGTH_DELIMITED_1 = 0x0a;

function encodeRequest({ service }: HealthCheckRequest): Buffer {
  if (service === '') return Buffer.alloc(0);
  const name = Buffer.from(service);
  return Buffer.concat([Buffer.from([LENGTH_DELIMITED_1]), encodeVarint(name.length), name]);
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** Reads field 1; anything before it is no health request, as the message has no other field. */
function decodeRequest(bytes: Buffer): HealthCheckRequest {
  if (bytes.length === 0) return { service: '' };
  if (bytes[0] !== LENGTH_DELIMITED_1) throw new RangeError('Not a HealthCheckRequest.');
  let length = 0;
  let at = 1;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes.readUInt8(at++);
    length += (byte % 128) * scale;
    if (byte < 0x80) break;
  }
  if (at + length > bytes.length) throw new RangeError('Truncated HealthCheckRequest.');
  return { service: bytes.toString('utf8', at, at + length) };
}

function decodeResponse(bytes: Buffer): HealthCheckResponse {
  const status = bytes[0] === 0x08 ? bytes[1] : 0;
  const known = Object.values(ServingStatus).find((value) => value === status);
  return { status: known ?? ServingStatus.Unknown };
}
