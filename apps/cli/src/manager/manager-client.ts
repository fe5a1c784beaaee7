/** The manager's REST API: typed by its description, with errors as the commands tell them. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { managerApi } from '@pondhawk/contracts';
import { errnoOf, toError } from '@pondhawk/core';
import createClient, { type Client } from 'openapi-fetch';
import { CliError, ExitCode } from '../exit-code.js';

/** Where the manager is unless told otherwise. */
export const DEFAULT_MANAGER_URL = 'http://127.0.0.1:8080';
/** An answer takes at most this, the manager's longest wait included. */
const ANSWER_TIMEOUT_MS = 45_000;

/** Times that an order is sent when its answer does not come, and the pause between. */
const ORDER_TRIES_MAX = 3;
const ORDER_PAUSE_MS = 300;

/** Calls of the API, by method and path. */
export type ManagerApi = Client<managerApi.paths>;
/** A record of the API. */
export type ApiRecord<Name extends keyof managerApi.components['schemas']> =
  managerApi.components['schemas'][Name];

/** What a call comes to; without data it was refused, or has none. */
interface Called<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** A value of JSON whose shape has not been looked at. */
export type Json = Readonly<Record<string, unknown>>;

/** Talks to one manager. Every method throws CliError: `MANAGER_UNREACHABLE`, or the manager's own code and message. */
export class ManagerClient {
  private readonly api: ManagerApi;

  constructor(
    private readonly baseUrl: string,
    token: string | undefined,
    private readonly signal: AbortSignal,
  ) {
    this.api = createClient<managerApi.paths>({
      baseUrl,
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      fetch: (request) => this.fetch(request),
    });
  }

  /** @returns what the call answers; undefined if that has no body. */
  async ask<T>(call: (api: ManagerApi) => Promise<Called<T>>): Promise<T> {
    return (await this.exchange(call)).answer;
  }

  /** Like `ask`, with the value of one header; undefined if the answer does not have it. */
  async askWithHeader<T>(
    header: string,
    call: (api: ManagerApi) => Promise<Called<T>>,
  ): Promise<{ readonly answer: T; readonly value: string | undefined }> {
    const { answer, headers } = await this.exchange(call);
    return { answer, value: headers.get(header) ?? undefined };
  }

  /**
   * Orders something under a key of its own, again if the answer does not come: whatever was lost, it is
   * ordered once.
   *
   * @param call of an operation that knows `Idempotency-Key`, with this key as its header.
   */
  async order<T>(
    call: (api: ManagerApi, header: { readonly 'Idempotency-Key': string }) => Promise<Called<T>>,
  ): Promise<T> {
    const header = { 'Idempotency-Key': randomUUID() };
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.ask((api) => call(api, header));
      } catch (error) {
        const isLost = error instanceof CliError && error.code === 'MANAGER_UNREACHABLE';
        if (!isLost || tries === ORDER_TRIES_MAX || this.signal.aborted) throw error;
        await sleep(ORDER_PAUSE_MS, undefined, { signal: this.signal }).catch(() => undefined);
      }
    }
  }

  private async exchange<T>(
    call: (api: ManagerApi) => Promise<Called<T>>,
  ): Promise<{ readonly answer: T; readonly headers: Headers }> {
    const { data, error, response } = await call(this.api);
    if (!response.ok) throw this.refused(response.status, error);
    // A success without a body has no data, and its type says so.
    return { answer: data as T, headers: response.headers };
  }

  /** The body is read here, so that a connection that breaks in it is told like one that never came. */
  private async fetch(request: Request): Promise<Response> {
    try {
      const signal = AbortSignal.any([this.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
      const response = await fetch(request, { signal });
      const text = await response.text();
      if (text !== '' && parseJson(text) === undefined) throw this.refused(response.status, text);
      return new Response(text === '' ? null : text, response);
    } catch (error) {
      throw error instanceof CliError ? error : this.unreachable(error);
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
