import { hostname } from 'node:os';
import {
  IsArray,
  IsIn,
  IsInt,
  IsIP,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { LOG_LEVELS, type LogLevel } from '@pondhawk/observability';

const DAY_MS = 86_400_000;
const PORT_MAX = 65_535;
const ADDRESS = /^[A-Za-z0-9.[\]:-]+:\d{1,5}$/;

/** Who this host is. */
export class HostConfig {
  /** Part of the host id `<ip>-<hostname>[-seed]`; default the machine's name. */
  @IsString()
  @Matches(/^[A-Za-z0-9._-]+$/)
  @MaxLength(253)
  hostname = hostname();

  /** The address at which other hosts reach this one. */
  @IsIP()
  ip = '127.0.0.1';

  /** `super` for a seed peer, which schedulers ask first to fetch from the origin. */
  @IsIn(['normal', 'super'])
  type: 'normal' | 'super' = 'normal';

  /** Data centre: hosts of the same one are preferred as parents. */
  @IsString()
  idc = '';

  /** Place as `a|b|c`: the longer the common beginning, the nearer. */
  @IsString()
  location = '';
}

/** A listener on TCP. */
export class ListenConfig {
  /** Address to bind. */
  @IsString()
  host = '127.0.0.1';

  /** 0 for a free one. */
  @IsInt()
  @Min(0)
  @Max(PORT_MAX)
  port = 0;
}

/** The gRPC listener for other machines. */
export class UploadConfig extends ListenConfig {
  override port = 4000;

  /** Bytes a second sent to all children together; 0 = unlimited. */
  @IsInt()
  @Min(0)
  rateLimitBytesPerSecond = 0;
}

/** The listener that serves pieces. */
export class PiecesConfig extends ListenConfig {
  override port = 4005;
}

/** Probes. */
export class HealthConfig extends ListenConfig {
  override port = 4003;
}

/** Prometheus metrics. */
export class MetricsConfig extends ListenConfig {
  override port = 4002;
}

/** The unix socket for people and programs on this machine. */
export class SocketConfig {
  /** At most 107 bytes; its folder holds nothing else. */
  @IsString()
  path = '/run/pondhawk/peer.sock';
}

/** The manager, from which schedulers are learned. */
export class ManagerConfig {
  /** `host:port` of its gRPC listener. */
  @IsOptional()
  @Matches(ADDRESS)
  address?: string;

  /** How often it is asked again for the cluster's schedulers and settings. */
  @IsInt()
  @Min(1_000)
  @Max(3_600_000)
  listIntervalMs = 60_000;
}

/** Schedulers, instead of the manager's list. */
export class SchedulersConfig {
  /** `host:port` each. */
  @IsArray()
  @Matches(ADDRESS, { each: true })
  addresses: string[] = [];
}

/** How this host tells schedulers of itself. */
export class AnnounceConfig {
  /** A host silent for more than twice this is left out. */
  @IsInt()
  @Min(100)
  intervalMs = 10_000;
}

/** How tasks are downloaded. */
export class DownloadConfig {
  /** Pieces of one task fetched at once. */
  @IsInt()
  @Min(1)
  @Max(64)
  concurrentPieceCount = 8;

  /** Bytes a second from parents and origins together; 0 = unlimited. */
  @IsInt()
  @Min(0)
  rateLimitBytesPerSecond = 0;

  /** Bytes a second from origins; 0 = unlimited. */
  @IsInt()
  @Min(0)
  backToSourceRateLimitBytesPerSecond = 0;
}

/** How origins are asked. */
export class OriginConfig {
  /** Networks (CIDR) and host names that are allowed although private, loopback or link-local. */
  @IsArray()
  @IsString({ each: true })
  allow: string[] = [];

  /** PEM file with certificates that origins are checked against, besides Node's own; empty: none. */
  @IsString()
  caFile = '';

  /** Longest wait for the first byte, and between two bytes. */
  @IsInt()
  @Min(100)
  timeoutMs = 30_000;

  /** Redirects followed. */
  @IsInt()
  @Min(0)
  @Max(20)
  maxRedirects = 5;
}

/** When copies are deleted to make room. */
export class GcConfig {
  /** Time between two collections. */
  @IsInt()
  @Min(1_000)
  intervalMs = 900_000;

  /** A copy unused for longer goes. */
  @IsInt()
  @Min(1_000)
  taskTtlMs = 30 * DAY_MS;

  /** From this fill of the disk on, the least used copies go … */
  @IsInt()
  @Min(1)
  @Max(100)
  diskHighThresholdPercent = 80;

  /** … until it is this full. */
  @IsInt()
  @Min(0)
  @Max(100)
  diskLowThresholdPercent = 60;

  /** Against this the stored pieces are counted; 0 = the whole file system, with everybody's files. */
  @IsInt()
  @Min(0)
  diskCapacityBytes = 0;
}

/** What is logged. */
export class LogConfig {
  /** Least severe level written. */
  @IsIn(LOG_LEVELS)
  level: LogLevel = 'info';
}

/** Settings of `pondhawk-peer`. */
export class PeerConfig {
  /** Rows, content and lock of this daemon alone. */
  @IsString()
  dataDir = '/var/lib/pondhawk/peer';

  /** The scheduler cluster this host belongs to. */
  @IsInt()
  @Min(1)
  clusterId = 1;

  @ValidateNested()
  host = new HostConfig();

  @ValidateNested()
  manager = new ManagerConfig();

  @ValidateNested()
  schedulers = new SchedulersConfig();

  @ValidateNested()
  upload = new UploadConfig();

  @ValidateNested()
  pieces = new PiecesConfig();

  @ValidateNested()
  socket = new SocketConfig();

  @ValidateNested()
  health = new HealthConfig();

  @ValidateNested()
  metrics = new MetricsConfig();

  @ValidateNested()
  announce = new AnnounceConfig();

  @ValidateNested()
  download = new DownloadConfig();

  @ValidateNested()
  origin = new OriginConfig();

  @ValidateNested()
  gc = new GcConfig();

  @ValidateNested()
  log = new LogConfig();
}
