/** A host and what it holds, as reports carry them. */

import 'reflect-metadata';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** Longest name, tag, application or place in an order or report, in characters. */
export const TEXT_LENGTH_MAX = 1024;
/** Longest URL in an order or report, in characters. */
export const URL_LENGTH_MAX = 64 * 1024;

/** A host as its scheduler knows it. Texts are empty where the host told nothing. */
export class HostRecord {
  @IsString() @MaxLength(TEXT_LENGTH_MAX) id!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) host_name!: string;
  @IsIn(['normal', 'super']) type!: 'normal' | 'super';
  @IsString() @MaxLength(TEXT_LENGTH_MAX) idc!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) location!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) ip!: string;
  /** TCP port of DfdaemonUpload. */
  @IsInt() @Min(0) @Max(65535) port!: number;
  @IsInt() @Min(0) @Max(65535) download_port!: number;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) os!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) platform!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) platform_family!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) platform_version!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) kernel_version!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) git_version!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) git_commit!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) build_platform!: string;
  /** Start of the daemon that is meant, and the identity of its data folder's lock; where leases are taken. */
  @IsOptional() @IsString() @MaxLength(TEXT_LENGTH_MAX) incarnation?: string | undefined;
  @IsOptional() @IsString() @MaxLength(TEXT_LENGTH_MAX) folder_lock?: string | undefined;
}

/** What one host holds of one task; lengths in bytes, times in Unix ms. Texts are empty where nobody told them. */
export class HeldTask {
  @IsString() @MaxLength(128) id!: string;
  @IsString() @MaxLength(URL_LENGTH_MAX) url!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) tag!: string;
  @IsString() @MaxLength(TEXT_LENGTH_MAX) application!: string;
  @IsIn(['filling', 'complete']) state!: 'filling' | 'complete';
  @IsInt() @Min(0) content_length!: number;
  @IsInt() @Min(0) finished_bytes!: number;
  @IsInt() @Min(0) piece_length!: number;
  @IsInt() @Min(0) created_at_ms!: number;
  @IsInt() @Min(0) updated_at_ms!: number;
  @IsOptional() @IsInt() @Min(0) finished_at_ms?: number | undefined;
}
