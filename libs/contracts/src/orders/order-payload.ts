/** What the manager sends one scheduler for one job. */

import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { PACKED_HOSTS_LENGTH_MAX } from './packed-hosts.js';
import {
  LISTED_TASK_IDS_MAX,
  ORDER_TYPES,
  SCHEDULERS_PER_ORDER_MAX,
  type OrderType,
} from './order-type.js';

/** A scheduler that the order names. Home of a host is `chooseByRendezvous(schedulers, hostId)`. */
export class OrderScheduler {
  @IsInt() @Min(0) id!: number;
  @IsString() @MaxLength(1024) hostname!: string;
  @IsString() @MaxLength(1024) ip!: string;
  @IsInt() @Min(0) @Max(65535) port!: number;
}

/** What is asked; which fields are there depends on the type. */
export class OrderArgs {
  /** 64 lower-case hex digits; for `delete_task` and `get_task`. */
  @IsOptional() @Matches(/^[0-9a-f]{64}$/) task_id?: string | undefined;
  /** `delete_task`: hosts are asked afterwards, from outside, whether they still serve the task. */
  @IsOptional() @IsBoolean() verify?: boolean | undefined;
  /** From 1; for `list_tasks`. */
  @IsOptional() @IsInt() @Min(1) page?: number | undefined;
  @IsOptional() @IsInt() @Min(1) per_page?: number | undefined;
  /** For `list_tasks`: of these tasks alone. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(LISTED_TASK_IDS_MAX)
  @Matches(/^[0-9a-f]{64}$/, { each: true })
  task_ids?: string[] | undefined;
  /** 32 lower-case hex digits, random: with it the manager tells the rest of a `preheat`, which may be secret. */
  @IsOptional() @Matches(/^[0-9a-f]{32}$/) ticket?: string | undefined;
}

/** How it is to be carried out. */
export class OrderSpec {
  @IsInt() @Min(1) timeout_ms!: number;
  /** Most calls that this scheduler may have open at once for the order: its own share already. */
  @IsInt() @Min(1) @Max(1000) parallelism!: number;
  @IsIn(['CONTINUE', 'STOP']) failure_strategy!: 'CONTINUE' | 'STOP';
}

/** The purge's place in its cluster's log. */
export class OrderPurge {
  /** 32 lower-case hex digits. */
  @Matches(/^[0-9a-f]{32}$/) log_epoch!: string;
  @IsInt() @Min(0) seq!: number;
}

/** An order; keyed by (order_id, attempt). */
export class OrderPayload {
  /** `PAYLOAD_FORMAT`. */
  @IsInt() @Min(1) format!: number;
  @IsInt() @Min(1) order_id!: number;
  @IsInt() @Min(1) job_id!: number;
  /** From 1. */
  @IsInt() @Min(1) attempt!: number;
  @IsIn(ORDER_TYPES) type!: OrderType;
  @IsInt() @Min(0) scheduler_cluster_id!: number;
  @IsInt() @Min(0) scheduler_id!: number;
  /** Which of `schedulers` had this share first: it is that one's hosts that are meant. Default `scheduler_id`. */
  @IsOptional() @IsInt() @Min(0) home_scheduler_id?: number | undefined;
  @IsArray()
  @ArrayMaxSize(SCHEDULERS_PER_ORDER_MAX)
  @ValidateNested({ each: true })
  @Type(() => OrderScheduler)
  schedulers!: OrderScheduler[];
  @IsDefined() @ValidateNested() @Type(() => OrderArgs) args!: OrderArgs;
  @IsDefined() @ValidateNested() @Type(() => OrderSpec) spec!: OrderSpec;
  @IsOptional() @ValidateNested() @Type(() => OrderPurge) purge?: OrderPurge | undefined;
  /** The hosts that this scheduler must account for, see `packHosts`. */
  @IsOptional() @IsString() @MaxLength(PACKED_HOSTS_LENGTH_MAX) hosts?: string | undefined;
  /** No others are meant, whoever else the scheduler knows. */
  @IsOptional() @IsBoolean() only_named?: boolean | undefined;
  /** Unix ms, by the manager's clock. */
  @IsInt() @Min(0) accepted_at_ms!: number;
  /** Unix ms, by the manager's clock; for hosts of other clocks `spec.timeout_ms` is the measure. */
  @IsInt() @Min(0) deadline_at_ms!: number;
}
