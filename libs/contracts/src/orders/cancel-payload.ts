/** What the manager sends a scheduler whose order is not to go on. */

import 'reflect-metadata';
import { IsInt, Min } from 'class-validator';

/**
 * A cancelled order, named as it was sent. Hosts that are being asked are waited for, the others are
 * reported as skipped; whoever has no such order reports it failed with `CANCELLED`.
 */
export class CancelPayload {
  /** `PAYLOAD_FORMAT`. */
  @IsInt() @Min(1) format!: number;
  @IsInt() @Min(1) order_id!: number;
  @IsInt() @Min(1) job_id!: number;
  /** Of the order. */
  @IsInt() @Min(1) attempt!: number;
  @IsInt() @Min(0) scheduler_cluster_id!: number;
  @IsInt() @Min(0) scheduler_id!: number;
}
