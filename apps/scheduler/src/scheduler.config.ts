import { Type } from 'class-transformer';
import { IsIn, IsInt, IsIP, IsString, Matches, Max, Min, ValidateNested } from 'class-validator';
import { LOG_LEVELS, type LogLevel } from '@pondhawk/observability';

/** Where a listener binds; port 0 takes a free one. */
class ListenConfig {
  /** Address; loopback unless told otherwise, since nothing is authenticated yet. */
  @IsString() host = '127.0.0.1';
  @IsInt() @Min(0) @Max(65_535) port = 0;
}

class GrpcConfig extends ListenConfig {
  @IsInt() @Min(0) @Max(65_535) override port = 8002;
}

class HealthConfig extends ListenConfig {
  @IsInt() @Min(0) @Max(65_535) override port = 8001;
}

class HostConfig {
  /** Name under which the manager lists this scheduler; with `ip` and cluster it is its key. */
  @Matches(/^[A-Za-z0-9._-]{1,255}$/) hostname = 'scheduler';
  /** Address that hosts connect to. */
  @IsIP() ip = '127.0.0.1';
}

class ManagerConfig {
  /** gRPC address of the manager, host:port. */
  @IsString() address = '127.0.0.1:65003';
}

class NatsConfig {
  @Matches(/^(nats|tls):\/\//) url = 'nats://127.0.0.1:4222';
}

class KeepAliveConfig {
  /** How often the manager is told that this scheduler lives; three missed ones make it inactive. */
  @IsInt() @Min(100) @Max(3_600_000) intervalMs = 5_000;
}

class LogConfig {
  @IsIn(LOG_LEVELS) level: LogLevel = 'info';
}

/** Settings of a scheduler. */
export class SchedulerConfig {
  /** Where `addresses.json` is written. */
  @IsString() dataDir = '/var/lib/pondhawk/scheduler';
  /** The cluster this scheduler belongs to, as the manager numbers it. */
  @IsInt() @Min(1) clusterId = 1;
  @ValidateNested() @Type(() => HostConfig) host = new HostConfig();
  @ValidateNested() @Type(() => GrpcConfig) grpc = new GrpcConfig();
  @ValidateNested() @Type(() => HealthConfig) health = new HealthConfig();
  @ValidateNested() @Type(() => ManagerConfig) manager = new ManagerConfig();
  @ValidateNested() @Type(() => NatsConfig) nats = new NatsConfig();
  @ValidateNested() @Type(() => KeepAliveConfig) keepAlive = new KeepAliveConfig();
  @ValidateNested() @Type(() => LogConfig) log = new LogConfig();
}
