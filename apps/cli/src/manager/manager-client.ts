/** The manager's REST API, as far as the commands use it. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, toError } from '@pondhawk/core';
import { CliError, ExitCode } from '../exit-code.js';

/** Where the manager is unless told otherwise. */
export const DEFAULT_MANAGER_URL = 'http://127.0.0.1:8080';
/** An answer takes at most this, the manager's longest wait included. */
const ANSWER_TIMEOUT_MS = 45_000;

/** Times that an order is sent when its answer does not come, and the pause between. */
const ORDER_TRIES_MAX = 3;
const ORDER_PAUSE_MS = 300;

/** What a request carries. */
interface Sent {
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A value of JSON whose shape has not been looked at. */
export type Json = Readonly<Record<string, unknown>>;

/** Talks to one manager. Every method throws CliError: `MANAGER_UNREACHABLE`, or the manager's own code and message. */
export class ManagerClient {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** @param path below `/api/v1`, with its query. */
  async get(path: string): Promise<unknown> {
    return (await this.request('GET', path)).answer;
  }

  /** Like `get`, with the value of one header; undefined if the answer does not have it. */
  async getWithHeader(
    path: string,
    header: string,
  ): Promise<{ readonly answer: unknown; readonly value: string | undefined }> {
    const { answer, headers } = await this.request('GET', path);
    return { answer, value: headers.get(header) ?? undefined };
  }

  /** @param path below `/api/v1`. @param body absent: the path says all. */
  async post(path: string, body?: object): Promise<unknown> {
    return (await this.request('POST', path, { body })).answer;
  }

  /**
   * Orders something under a key of its own, again if the answer does not come: whatever was lost, it is
   * ordered once.
   *
   * @param path below `/api/v1`, of a route that knows `Idempotency-Key`.
   */
  async order(path: string, body?: object): Promise<unknown> {
    const how = { body, headers: { 'idempotency-key': randomUUID() } };
    for (let tries = 1; ; tries += 1) {
      try {
        return (await this.request('POST', path, how)).answer;
      } catch (error) {
        const isLost = error instanceof CliError && error.code === 'MANAGER_UNREACHABLE';
        if (!isLost || tries === ORDER_TRIES_MAX || this.signal.aborted) throw error;
        await sleep(ORDER_PAUSE_MS, undefined, { signal: this.signal }).catch(() => undefined);
      }
    }
  }

  /** @param path below `/api/v1`. */
  async put(path: string): Promise<void> {
    await this.request('PUT', path);
  }

  /** @param path below `/api/v1`. */
  async patch(path: string, body: object): Promise<unknown> {
    return (await this.request('PATCH', path, { body })).answer;
  }

  /** @param path below `/api/v1`. */
  async delete(path: string): Promise<void> {
    await this.request('DELETE', path);
  }

  private async request(
    method: string,
    path: string,
    how: Sent = {},
  ): Promise<{ readonly answer: unknown; readonly headers: Headers }> {
    const response = await this.fetch(method, path, how);
    const text = await response.text().catch((error: unknown) => {
      throw this.unreachable(error);
    });
    const answer = parseJson(text);
    if (response.ok && (answer !== undefined || text === ''))
      return { answer, headers: response.headers };
    throw this.refused(response.status, answer);
  }

  private async fetch(method: string, path: string, { body, headers }: Sent): Promise<Response> {
    try {
      return await fetch(`${this.baseUrl}/api/v1${path}`, {
        method,
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
          ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw this.unreachable(error);
    }
  }

  private unreachable(thrown: unknown): CliError {
    if (this.signal.aborted) return interrupted();
    const error = toError(thrown);
    const cause = toError(error.cause ?? error);
    const why = errnoOf(cause) ?? cause.message;
    return new CliError('MANAGER_UNREACHABLE', `No manager answers at ${this.baseUrl} (${why}).`, {
      exitCode: ExitCode.Unreachable,
      hint: hintFor(why),
      cause: error,
    });
  }

  private refused(status: number, answer: unknown): CliError {
    const { code, message } = isRecord(answer) ? answer : {};
    if (typeof message !== 'string') {
      return new CliError(
        'NOT_A_MANAGER',
        `${this.baseUrl} answered ${status} and no JSON of ours.`,
        {
          exitCode: ExitCode.Failed,
          hint: 'Does another program listen there? Name the manager with --manager or PONDHAWK_MANAGER.',
        },
      );
    }
    const exitCode = EXIT_CODE_OF_STATUS[status] ?? ExitCode.Failed;
    return new CliError(typeof code === 'string' ? code : `HTTP_${status}`, message, {
      exitCode,
      ...(code === 'UNAUTHENTICATED' ? { hint: SIGN_IN_HINT } : {}),
    });
  }
}

const SIGN_IN_HINT =
  'Sign in with: pondhawk login. Programs set PONDHAWK_TOKEN to a personal access token.';

const EXIT_CODE_OF_STATUS: Readonly<Record<number, ExitCode>> = {
  400: ExitCode.Usage,
  422: ExitCode.Usage,
  503: ExitCode.Unreachable,
};

/** What every command says after Ctrl-C. */
export function interrupted(): CliError {
  return new CliError('INTERRUPTED', 'Interrupted.', { exitCode: ExitCode.Failed });
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hintFor(why: string): string {
  if (why === 'ENOTFOUND' || why === 'EAI_AGAIN') {
    return 'The host name is unknown: check --manager and PONDHAWK_MANAGER.';
  }
  return 'Start it with: pondhawk-manager --config FILE. If it listens elsewhere, name it with --manager or PONDHAWK_MANAGER.';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Told by the caller, with the status.
    return undefined;
  }
}
