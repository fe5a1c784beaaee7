/** Facts of a log line. `err` takes an error and is written out with its code and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Severity, most severe first: `error` = a person must act, `warn` = we coped but look. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/** One of the severities. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where libs and apps write what happened. The message is a fixed lower-case phrase; facts are fields. */
export abstract class Log {
  /** A person must act. */
  error(message: string, fields: LogFields = {}): void {
    this.write('error', message, fields);
  }

  /** We coped, but somebody should look. */
  warn(message: string, fields: LogFields = {}): void {
    this.write('warn', message, fields);
  }

  /** Life cycle and milestones: a few lines a minute at rest. */
  info(message: string, fields: LogFields = {}): void {
    this.write('info', message, fields);
  }

  /** Per request. */
  debug(message: string, fields: LogFields = {}): void {
    this.write('debug', message, fields);
  }

  /** A log whose lines all carry `fields`. */
  abstract child(fields: LogFields): Log;

  /** Writes one line. */
  protected abstract write(level: LogLevel, message: string, fields: LogFields): void;
}

/** One remembered line. */
export interface MemoryLogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps lines in memory, for tests; children write into the same list. */
export class MemoryLog extends Log {
  constructor(
    readonly lines: MemoryLogLine[] = [],
    private readonly bound: LogFields = {},
  ) {
    super();
  }

  child(fields: LogFields): MemoryLog {
    return new MemoryLog(this.lines, { ...this.bound, ...fields });
  }

  /** Lines with this message, in order. */
  withMessage(message: string): MemoryLogLine[] {
    return this.lines.filter((line) => line.message === message);
  }

  protected write(level: LogLevel, message: string, fields: LogFields): void {
    this.lines.push({ level, message, fields: { ...this.bound, ...fields } });
  }
}
