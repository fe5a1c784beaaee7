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

  /** Needed to listen anywhere but on loopback, as nobody has to sign in yet. */
  @IsBoolean()
  allowUnauthenticated = false;
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

/** How long things are kept; never less than a job may take. */
export class RetentionConfig {
  /** An ended job, with its targets and events. */
  @IsInt()
  @Min(1)
  @Max(3_650)
  jobDays = 7;

  /** An entry of the purge log. A host that was away for longer drops all that it holds. */
  @IsInt()
  @Min(8)
  @Max(3_650)
  purgeDays = 30;
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
  @Type(() => RetentionConfig)
  retention: RetentionConfig = new RetentionConfig();

  @ValidateNested()
  @Type(() => LogConfig)
  log: LogConfig = new LogConfig();
}
