import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';

/** What is answered. */
interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

/** A manager that answers by a table of its last words for each method and path. */
export class FakeManager {
  readonly requests: { readonly line: string; readonly body: unknown; readonly key: unknown }[] =
    [];
  /** Requests whose connection is cut before the answer. */
  cuts = 0;
  /** Answers by `METHOD path` without the query; each is used once, the last for ever. */
  readonly answers = new Map<string, Answer[]>();
  private readonly server: Server = createServer((request, response) => {
    void this.answer(request).then(({ status = 200, body }) => {
      if (this.cuts > 0) {
        this.cuts -= 1;
        request.socket.destroy();
        return;
      }
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const { pathname } = new URL(request.url ?? '', this.url);
    const line = `${request.method ?? ''} ${request.url ?? ''}`;
    const sent = await readText(request);
    const body: unknown = sent === '' ? undefined : JSON.parse(sent);
    const key = request.headers['idempotency-key'];
    this.requests.push({ line, body, key });
    const answers = this.answers.get(`${request.method ?? ''} ${pathname}`) ?? [];
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return next ?? { status: 404, body: { message: 'No such route.', code: 'NOT_FOUND' } };
  }
}
