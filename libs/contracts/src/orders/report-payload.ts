/** What a scheduler reports of one order. */

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
  IsUUID,
  Matches,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { HeldTask, HostRecord } from './host-record.js';
import {
  PREHEAT_TASKS_MAX,
  REPORTED_OUTCOMES,
  TARGETS_PER_REPORT_MAX,
  VERIFICATION_STATES,
  type ReportedOutcome,
  type VerificationState,
} from './order-type.js';

const MESSAGE_LENGTH_MAX = 4096;
/** Longest message of one task of a preheat, in characters: a host has up to 200 of them. */
export const PREHEAT_MESSAGE_LENGTH_MAX = 512;

/** What came of one task of a preheat on one host. */
export class PreheatedTask {
  /** Task id. */
  @IsString() @MaxLength(128) id!: string;
  @IsIn(['preheated', 'already_here', 'failed', 'skipped']) outcome!:
    'preheated' | 'already_here' | 'failed' | 'skipped';
  /** Length of the content; 0 while unknown. */
  @IsInt() @Min(0) bytes!: number;
  /** As of a target; empty where it ended well. */
  @IsString() @MaxLength(128) code!: string;
  @IsString() @MaxLength(PREHEAT_MESSAGE_LENGTH_MAX) message!: string;
}

/** What a host did when it was asked from outside after its delete. */
export class TargetVerification {
  @IsIn(VERIFICATION_STATES) state!: VerificationState;
  /** Why nothing could be said, or what came; empty with `passed`. */
  @IsString() @MaxLength(MESSAGE_LENGTH_MAX) message!: string;
}

/** How one node's share stands. Keyed by (job, node, try); an outcome only improves. */
export class TargetReport {
  /** `host:<host id>`; of `sync_peers` `scheduler:<id>`. */
  @IsString() @Matches(/^(host|scheduler):./) @MaxLength(1024) node!: string;
  @IsDefined() @ValidateNested() @Type(() => HostRecord) host!: HostRecord;
  /** Number of the try, from 1; 0 while none was made. */
  @IsInt() @Min(0) try!: number;
  @IsIn(REPORTED_OUTCOMES) outcome!: ReportedOutcome;
  /** SCREAMING_SNAKE; with `failed` and `skipped`. */
  @IsOptional() @IsString() @MaxLength(128) code?: string | undefined;
  @IsOptional() @IsString() @MaxLength(MESSAGE_LENGTH_MAX) message?: string | undefined;
  @IsOptional() @IsInt() @Min(0) deleted_bytes?: number | undefined;
  /** Calls made so far. */
  @IsInt() @Min(0) attempts!: number;
  /** Unix ms, by the scheduler's clock. */
  @IsInt() @Min(0) started_at_ms!: number;
  @IsOptional() @IsInt() @Min(0) ended_at_ms?: number | undefined;
  /** `delete_task` with `verify`; not with each host that passed. */
  @IsOptional()
  @ValidateNested()
  @Type(() => TargetVerification)
  verification?: TargetVerification | undefined;
  /** `get_task`: what the host holds. */
  @IsOptional() @ValidateNested() @Type(() => HeldTask) task?: HeldTask | undefined;
  /** `list_tasks`: what the host holds, sorted by task id. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => HeldTask)
  tasks?: HeldTask[] | undefined;
  /** `preheat`: what came of each task, once all have ended. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(PREHEAT_TASKS_MAX)
  @ValidateNested({ each: true })
  @Type(() => PreheatedTask)
  preheats?: PreheatedTask[] | undefined;
  /** `sync_peers`: hosts that the scheduler has told the manager of. */
  @IsOptional() @IsInt() @Min(0) host_count?: number | undefined;
}

/** Why an order as a whole could not be carried out. */
export class ReportError {
  @IsString() @MaxLength(128) code!: string;
  @IsString() @MaxLength(MESSAGE_LENGTH_MAX) message!: string;
}

/** `list_tasks`: facts about the whole list. */
export class ReportList {
  @IsInt() @Min(0) total_count!: number;
}

/** How many hosts of an attempt were asked from outside, and how many did what. */
export class ReportVerification {
  @IsInt() @Min(0) asked!: number;
  @IsInt() @Min(0) passed!: number;
  /** Of those that passed: they serve a copy that was begun after the purge. */
  @IsInt() @Min(0) newer_copies!: number;
  @IsInt() @Min(0) failed!: number;
  @IsInt() @Min(0) unreachable!: number;
}

/**
 * A batch of targets of one attempt. Reports are recorded in the order of their numbers. The first ones of a purge name the
 * hosts that the order does not.
 */
export class ReportPayload {
  /** `PAYLOAD_FORMAT`. */
  @IsInt() @Min(1) format!: number;
  @IsUUID() report_id!: string;
  @IsInt() @Min(1) order_id!: number;
  @IsInt() @Min(1) job_id!: number;
  @IsInt() @Min(1) attempt!: number;
  @IsInt() @Min(0) scheduler_id!: number;
  @IsInt() @Min(0) scheduler_cluster_id!: number;
  /** When the scheduler began to carry the attempt out, Unix ms by its clock; a later run of the same attempt has a greater one. */
  @IsInt() @Min(1) run_started_at_ms!: number;
  /** Position within that run, from 1. */
  @IsInt() @Min(1) number!: number;
  @IsArray()
  @ArrayMaxSize(TARGETS_PER_REPORT_MAX)
  @ValidateNested({ each: true })
  @Type(() => TargetReport)
  targets!: TargetReport[];
  /** The next report names more hosts that the order does not. */
  @IsOptional() @IsBoolean() names_follow?: boolean | undefined;
  /** No report of this run follows. */
  @IsBoolean() is_last!: boolean;
  @IsOptional() @ValidateNested() @Type(() => ReportError) error?: ReportError | undefined;
  @IsOptional() @ValidateNested() @Type(() => ReportList) list?: ReportList | undefined;
  /** With the last report of a `delete_task` with `verify`. */
  @IsOptional()
  @ValidateNested()
  @Type(() => ReportVerification)
  verification?: ReportVerification | undefined;
}
