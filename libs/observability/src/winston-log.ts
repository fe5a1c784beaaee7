import { createLogger, format, transports, type Logger, type LoggerOptions } from 'winston';
import { describeError } from './describe-error.js';
import { Log, type LogFields, type LogLevel } from './log.js';

/** What lines are written, and by whom. */
export interface LogOptions {
  readonly level: LogLevel;
  /** The daemon or part that writes, in every line. */
  readonly component: string;
  /** Where lines go instead of stdout, one JSON object each. */
  readonly stream?: NodeJS.WritableStream;
}

/** Makes a log of JSON lines on stdout. */
export function createLog({ level, component, stream }: LogOptions): Log {
  const logger = createLogger({
    level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: format.combine(format.timestamp(), format.json({ deterministic: false })),
    transports: transportOf(stream),
  });
  return new WinstonLog(logger, { component });
}

function transportOf(
  stream: NodeJS.WritableStream | undefined,
): NonNullable<LoggerOptions['transports']> {
  return stream === undefined ? new transports.Console() : new transports.Stream({ stream });
}

/** Writes through winston. Bound fields are kept here, because winston's children merge them by key order. */
class WinstonLog extends Log {
  constructor(
    private readonly logger: Logger,
    private readonly bound: LogFields,
  ) {
    super();
  }

  child(fields: LogFields): Log {
    return new WinstonLog(this.logger, { ...this.bound, ...fields });
  }

  protected write(level: LogLevel, message: string, fields: LogFields): void {
    if (!this.logger.isLevelEnabled(level)) return;
    const all: Record<string, unknown> = { ...this.bound, ...fields };
    if ('err' in all) all['err'] = describeError(all['err']);
    this.logger.log({ ...all, level, message });
  }
}
