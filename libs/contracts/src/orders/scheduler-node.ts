/** Schedulers as nodes of a job, beside hosts. */

import { HostRecord } from './host-record.js';
import type { OrderScheduler } from './order-payload.js';

/** What names of nodes begin with that are schedulers; the manager's number follows. */
export const SCHEDULER_NODE = 'scheduler:';

/** The node of a scheduler. */
export function schedulerNode(schedulerId: number): string {
  return `${SCHEDULER_NODE}${schedulerId}`;
}

/** A scheduler in the shape in which targets tell who is meant: its names and its gRPC port, no more. */
export function schedulerRecord({ id, hostname, ip, port }: OrderScheduler): HostRecord {
  return Object.assign(new HostRecord(), {
    ...{ id: schedulerNode(id), host_name: hostname, ip, port, type: 'normal', download_port: 0 },
    ...{ idc: '', location: '', os: '', platform: '', platform_family: '', platform_version: '' },
    ...{ kernel_version: '', git_version: '', git_commit: '', build_platform: '' },
  });
}
