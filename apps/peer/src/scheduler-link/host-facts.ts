import { arch, platform, release, version } from 'node:os';
import { type commonV2, HostRecord, fromHostRecord } from '@pondhawk/contracts';
import type { HostId, Incarnation } from '@pondhawk/core';

/** What this daemon tells of itself. */
export interface HostFacts {
  readonly hostId: HostId;
  /** This start of the daemon. */
  readonly incarnation: Incarnation;
  /** Starts before it that it has surely outlived, newest first. */
  readonly formerIncarnations: readonly string[];
  readonly hostname: string;
  readonly ip: string;
  readonly type: 'normal' | 'super';
  readonly idc: string;
  readonly location: string;
  /** The scheduler cluster, and of a seed peer its seed peer cluster. */
  readonly clusterId: number;
}

/** The host as schedulers are told of it; `uploadPort` is the bound one. */
export function hostMessage(facts: HostFacts, uploadPort: number): commonV2.Host {
  const record = Object.assign(new HostRecord(), {
    id: facts.hostId,
    host_name: facts.hostname,
    type: facts.type,
    idc: facts.idc,
    location: facts.location,
    ip: facts.ip,
    port: uploadPort,
    download_port: uploadPort,
    os: platform(),
    platform: platform(),
    platform_family: '',
    platform_version: version(),
    kernel_version: release(),
    git_version: '',
    git_commit: '',
    build_platform: `${platform()}/${arch()}`,
  });
  return fromHostRecord(record, facts.clusterId);
}
