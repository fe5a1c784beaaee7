/** Between the host of gRPC and the host of reports. */

import type { Host } from '../gen/common/v2/common.js';
import { HostRecord } from '../orders/host-record.js';

/** common.v2.Host.type of a normal peer and of a seed peer. */
export const HOST_TYPE_NORMAL = 0;
export const HOST_TYPE_SUPER = 1;

/** Which daemon is meant under a host's id; no announcement tells it. */
type DaemonFields = Pick<HostRecord, 'incarnation' | 'folder_lock'>;

/** A host's record as reports carry it. Every type but 0 is a kind of seed peer. */
export function toHostRecord(host: Host): HostRecord {
  return Object.assign(new HostRecord(), {
    id: host.id,
    host_name: host.hostname,
    type: host.type === HOST_TYPE_NORMAL ? 'normal' : 'super',
    idc: host.network?.idc ?? '',
    location: host.network?.location ?? '',
    ip: host.ip,
    port: host.port,
    download_port: host.downloadPort,
    os: host.os,
    platform: host.platform,
    platform_family: host.platformFamily,
    platform_version: host.platformVersion,
    kernel_version: host.kernelVersion,
    git_version: host.build?.gitVersion ?? '',
    git_commit: host.build?.gitCommit ?? '',
    build_platform: host.build?.platform ?? '',
  } satisfies Record<Exclude<keyof HostRecord, keyof DaemonFields>, unknown>);
}

/** The host of a record, as far as a record tells it. */
export function fromHostRecord(record: HostRecord, schedulerClusterId: number): Host {
  return {
    id: record.id,
    type: record.type === 'super' ? HOST_TYPE_SUPER : HOST_TYPE_NORMAL,
    hostname: record.host_name,
    ip: record.ip,
    port: record.port,
    downloadPort: record.download_port,
    os: record.os,
    platform: record.platform,
    platformFamily: record.platform_family,
    platformVersion: record.platform_version,
    kernelVersion: record.kernel_version,
    cpu: undefined,
    memory: undefined,
    network: {
      tcpConnectionCount: 0,
      uploadTcpConnectionCount: 0,
      location: record.location,
      idc: record.idc,
      maxRxBandwidth: 0n,
      rxBandwidth: undefined,
      maxTxBandwidth: 0n,
      txBandwidth: undefined,
    },
    disk: undefined,
    build: {
      gitVersion: record.git_version,
      gitCommit: record.git_commit,
      goVersion: undefined,
      rustVersion: undefined,
      platform: record.build_platform,
    },
    schedulerClusterId: BigInt(schedulerClusterId),
    disableShared: false,
    proxyPort: 0,
    name: '',
  };
}
