/** Asks the manager as Dragonfly's console does: by cookie alone, and with what it reads of each answer. */

/** How a field is read: its type, `?` behind it where null does no harm; a list of what stands in brackets; or fields by name. */
export type Shape = string | readonly [Shape] | { readonly [field: string]: Shape };

/** An answer. */
export interface ConsoleAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of any shape; `shapeFault` looks at it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  readonly json: any;
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  text: (value) => typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  time: (value) => typeof value === 'string' && TIME.test(value),
};

/** What is wrong with a value, and where; undefined if it can be read as `shape`. */
export function shapeFault(value: unknown, shape: Shape, path = 'body'): string | undefined {
  if (typeof shape === 'string') return simpleFault(value, shape, path);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return `${path} is no list`;
    return firstFault(
      value.map((one, index) =>
        shapeFault(one, (shape as readonly [Shape])[0], `${path}[${index}]`),
      ),
    );
  }
  if (!CHECKS['object']?.(value)) return `${path} is no object`;
  const fields = value as Readonly<Record<string, unknown>>;
  return firstFault(
    Object.entries(shape).map(([name, inner]) =>
      name in fields
        ? shapeFault(fields[name], inner, `${path}.${name}`)
        : `${path}.${name} is missing`,
    ),
  );
}

function simpleFault(value: unknown, shape: string, path: string): string | undefined {
  if (shape.endsWith('?') && value === null) return undefined;
  const type = shape.replace('?', '');
  return CHECKS[type]?.(value) === true ? undefined : `${path} is no ${type}`;
}

function firstFault(faults: readonly (string | undefined)[]): string | undefined {
  return faults.find((fault) => fault !== undefined);
}

/** A browser with the console's cookie. */
export class ConsoleClient {
  /** Set by signing in, taken away by signing out. */
  cookie: string | undefined;

  constructor(private readonly url: string) {}

  /** Below `/api/v1`. The console names a content type with every call, also where no body follows. */
  async call(method: string, path: string, body?: object): Promise<ConsoleAnswer> {
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        origin: this.url,
        ...(this.cookie === undefined ? {} : { cookie: `jwt=${this.cookie}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const set = response.headers.getSetCookie().find((one) => one.startsWith('jwt='));
    if (set !== undefined) this.cookie = /^jwt=([^;]*)/.exec(set)?.[1] ?? '';
    if (this.cookie === '') this.cookie = undefined;
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const json: unknown = isJson && text !== '' ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  }

  /** What the console reads in the cookie, without looking at its signature. */
  payload(): { readonly id?: unknown; readonly exp?: unknown } {
    const part = (this.cookie ?? '').split('.')[1] ?? '';
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
  }
}
