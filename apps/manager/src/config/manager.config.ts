/** Settings of the manager; every key is described in docs/configuration.md. */

import { LOG_LEVELS, type LogLevel } from '@pondhawk/observability';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsString,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { Secret } from '@pondhawk/config';

/** Where something listens; port 0 for a free one. */
export class ListenConfig {
  /** Address to bind. */
  @IsString()
  @IsNotEmpty()
  host = '127.0.0.1';

  @IsInt()
  @Min(0)
  @Max(65_535)
  port = 0;
}

/** REST and the console. */
export class RestConfig extends ListenConfig {
  override port = 8080;
}

/** Users, sessions and tokens. Nothing secret has a default. */
export class AuthConfig {
  /** Signs sessions and keys the hashes of tokens, at least 32 characters; empty: made and kept in `<dataDir>/auth.key`. */
  key: Secret = new Secret('');

  /** Of the user `root`, 8 to 20 characters, read only while there is no user; empty: made and printed once. */
  rootPassword: Secret = new Secret('');

  /** Whether anybody may make himself a user with the role guest. */
  @IsBoolean()
  signUp = false;

  /** Whether somebody who comes by a provider of sign-in for the first time becomes a user with the role guest. */
  @IsBoolean()
  signUpByProvider = true;

  /** How long a session and its cookie last, unless refreshed. */
  @IsInt()
  @Min(1)
  @Max(10_080)
  sessionMinutes = 120;

  /** How long after the sign-in a session can be refreshed. */
  @IsInt()
  @Min(1)
  @Max(43_200)
  refreshMinutes = 1_440;

  /** Whether browsers send the cookie over TLS only; set it where TLS ends before the manager. */
  @IsBoolean()
  isCookieSecure = false;

  /** Origins of other pages that may write with a user's cookie, as `https://ops.example.com`. */
  @IsString({ each: true })
  allowedOrigins: string[] = [];

  /** Requests a second that one personal access token may make, with bursts of a second's; each manager counts for itself. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  tokenRequestsPerSecond = 100;
}

/** gRPC for schedulers and peers. */
export class GrpcConfig extends ListenConfig {
  override port = 65_003;
}

/** Prometheus metrics. */
export class MetricsConfig extends ListenConfig {
  override port = 8000;
}

/** The message broker. */
export class NatsConfig {
  @Matches(/^(nats|tls|ws|wss):\/\//)
  url = 'nats://127.0.0.1:4222';
}

/** Where the ledger lies. */
export class DatabaseConfig {
  /** `sqlite` keeps it in `<dataDir>/manager.db`. */
  @IsIn(['sqlite', 'postgres'])
  type = 'sqlite';

  /** With `postgres`: as `postgres://user:password@host/database`. */
  url: Secret = new Secret('');
}

/** Life signs of schedulers and seed peers. */
export class KeepAliveConfig {
  /** How often they come; three missing ones make an instance inactive. Its own word wins. */
  @IsInt()
  @Min(100)
  @Max(3_600_000)
  intervalMs = 5_000;
}

/** How long hosts may serve without hearing from here. The bound of a purge is the sum of the three. */
export class LeasesConfig {
  /** How long a scheduler may grant leases on one answer of the manager. */
  @IsInt()
  @Min(500)
  @Max(600_000)
  schedulerLeaseMs = 4_000;

  /** How long a host may serve on one lease. */
  @IsInt()
  @Min(500)
  @Max(600_000)
  hostLeaseMs = 4_000;

  /** Covers clocks that run at different rates, and the longest stop of a process between a check and its write. */
  @IsInt()
  @Min(100)
  @Max(600_000)
  marginMs = 2_000;
}

/** How long things are kept; never less than a job may take. */
export class RetentionConfig {
  /** An ended job, with its targets and events, unless the config `gc` of REST says otherwise. */
  @IsInt()
  @Min(1)
  @Max(3_650)
  jobDays = 7;

  /** An entry of the audit log, unless the config `gc` of REST says otherwise. */
  @IsInt()
  @Min(1)
  @Max(3_650)
  auditDays = 90;

  /** An entry of the purge log. A host that was away for longer drops all that it holds. */
  @IsInt()
  @Min(8)
  @Max(3_650)
  purgeDays = 30;
}

/** How registries are asked what images consist of; blobs are fetched by peers, by their own settings. */
export class OriginConfig {
  /** Networks (CIDR) and host names that are allowed although private, loopback or link-local. */
  @IsString({ each: true })
  allow: string[] = [];

  /** PEM file with certificates that registries are checked against, besides Node's own; empty: none. */
  @IsString()
  caFile = '';

  /** Longest wait for the first byte, and between two bytes. */
  @IsInt()
  @Min(100)
  @Max(60_000)
  timeoutMs = 30_000;

  /** Redirects followed. */
  @IsInt()
  @Min(0)
  @Max(20)
  maxRedirects = 5;
}

/** A console of another make. */
export class ConsoleConfig {
  /** Folder with its build, which is served at `/`; empty: `/` says what there is. */
  @IsString()
  dir = '';
}

/** The log on stdout. */
export class LogConfig {
  @IsIn(LOG_LEVELS)
  level: LogLevel = 'info';
}

/** All settings. */
export class ManagerConfig {
  /** Database, lock and addresses.json. */
  @IsString()
  @IsNotEmpty()
  dataDir = '/var/lib/pondhawk/manager';

  @ValidateNested()
  @Type(() => RestConfig)
  rest: RestConfig = new RestConfig();

  @ValidateNested()
  @Type(() => AuthConfig)
  auth: AuthConfig = new AuthConfig();

  @ValidateNested()
  @Type(() => GrpcConfig)
  grpc: GrpcConfig = new GrpcConfig();

  @ValidateNested()
  @Type(() => MetricsConfig)
  metrics: MetricsConfig = new MetricsConfig();

  @ValidateNested()
  @Type(() => NatsConfig)
  nats: NatsConfig = new NatsConfig();

  @ValidateNested()
  @Type(() => DatabaseConfig)
  database: DatabaseConfig = new DatabaseConfig();

  @ValidateNested()
  @Type(() => KeepAliveConfig)
  keepAlive: KeepAliveConfig = new KeepAliveConfig();

  @ValidateNested()
  @Type(() => LeasesConfig)
  leases: LeasesConfig = new LeasesConfig();

  @ValidateNested()
  @Type(() => RetentionConfig)
  retention: RetentionConfig = new RetentionConfig();

  @ValidateNested()
  @Type(() => OriginConfig)
  origin: OriginConfig = new OriginConfig();

  @ValidateNested()
  @Type(() => ConsoleConfig)
  console: ConsoleConfig = new ConsoleConfig();

  @ValidateNested()
  @Type(() => LogConfig)
  log: LogConfig = new LogConfig();
}
