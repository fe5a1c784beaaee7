/** A host as schedulers tell it; field names as on the wire, so that records pass through unchanged. */
export interface HostRecord {
  readonly id: string;
  readonly host_name: string;
  readonly type: 'normal' | 'super';
  readonly idc: string;
  readonly location: string;
  readonly ip: string;
  readonly port: number;
  readonly download_port: number;
  readonly os: string;
  readonly platform: string;
  readonly platform_family: string;
  readonly platform_version: string;
  readonly kernel_version: string;
  readonly git_version: string;
  readonly git_commit: string;
  readonly build_platform: string;
  /** The daemon that is meant (R10), where an order names one that takes leases. */
  readonly incarnation?: string | undefined;
  readonly folder_lock?: string | undefined;
}

/** Whether a record, as JSON text, says which daemon is meant: one that takes leases. */
export function namesDaemon(record: string): boolean {
  return ((JSON.parse(record) as HostRecord).incarnation ?? '') !== '';
}

/** A task as a host holds it; sizes in bytes, times in Unix ms. */
export interface HeldTask {
  readonly id: string;
  readonly url: string;
  readonly tag: string;
  readonly application: string;
  readonly state: 'filling' | 'complete';
  readonly content_length: number;
  readonly finished_bytes: number;
  readonly piece_length: number;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly finished_at_ms?: number | undefined;
}

/** What came of one task of a preheat on a host. */
export interface PreheatedTask {
  readonly id: string;
  readonly outcome: 'preheated' | 'already_here' | 'failed' | 'skipped';
  /** Length of the content; 0 while unknown. */
  readonly bytes: number;
  readonly code: string;
  readonly message: string;
}
