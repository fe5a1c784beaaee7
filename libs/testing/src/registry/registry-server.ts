import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { RegistryContent } from './registry-content.js';
import type { TestAuthority } from './test-authority.js';

const ADDRESS = '127.0.0.1';

/** What a registry asks for: nothing, user and password, or a token of its token service. */
export type RegistryAuth = 'none' | 'basic' | 'token';

/** How a registry of a test behaves. */
export interface RegistryOptions {
  /** Serves over TLS with a certificate of this authority; else over plain HTTP. */
  readonly authority?: TestAuthority;
  readonly auth?: RegistryAuth;
  readonly user?: string;
  readonly password?: string;
}

/** A request as the registry or its token service saw it. */
export interface RegistryRequest {
  readonly service: 'registry' | 'tokens';
  readonly path: string;
  readonly authorization: string | undefined;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A registry as the OCI distribution specification has it, for pulls: manifests, indexes, blobs with
 * ranges, and a token service on a port (so an origin) of its own. Lives from `start` to `stop`.
 */
export class RegistryServer {
  readonly content = new RegistryContent();
  /** Every request to both services, in order of arrival. */
  readonly requests: RegistryRequest[] = [];
  /** Looks at requests first; true once it has answered. For registries that misbehave. */
  override: ((path: string, response: ServerResponse) => boolean) | undefined;
  /** Where clients are told to fetch tokens; the own service unless set. */
  realm: string | undefined;
  /** Each token ends those before it. */
  isOnlyNewestGood = false;
  /** Bytes of blobs sent. */
  blobBytesSent = 0;
  private readonly tokens = new Set<string>();
  private readonly registry: Server;
  private readonly tokenService: Server;

  constructor(private readonly options: RegistryOptions = {}) {
    const certificate = options.authority?.serverCertificate([ADDRESS, 'localhost']);
    const serve = (handler: Handler): Server =>
      certificate === undefined ? createServer(handler) : createTlsServer(certificate, handler);
    this.registry = serve((request, response) => this.answer(request, response));
    this.tokenService = serve((request, response) => this.giveToken(request, response));
  }

  /** Begins to listen, both on free ports of 127.0.0.1. */
  async start(): Promise<void> {
    for (const server of [this.registry, this.tokenService]) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, ADDRESS, resolve);
      });
    }
  }

  /** Ends every connection and stops listening. */
  async stop(): Promise<void> {
    for (const server of [this.registry, this.tokenService]) {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }

  /** `http(s)://127.0.0.1:<port>` of one of the two services. */
  origin(service: RegistryRequest['service'] = 'registry'): string {
    const server = service === 'registry' ? this.registry : this.tokenService;
    const scheme = this.options.authority === undefined ? 'http' : 'https';
    return `${scheme}://${ADDRESS}:${(server.address() as AddressInfo).port}`;
  }

  /** Where a manifest or index is fetched, by tag or digest. */
  manifestUrl(repository: string, reference: string): string {
    return `${this.origin()}/v2/${repository}/manifests/${reference}`;
  }

  /** Where a blob is fetched. */
  blobUrl(repository: string, digest: string): string {
    return `${this.origin()}/v2/${repository}/blobs/${digest}`;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = this.note(request, 'registry');
    if (this.override?.(path, response) === true) return;
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)(?:\?.*)?$/.exec(path);
    const [, repository = '', kind, reference = ''] = match ?? [];
    if (!this.isAllowed(request)) this.challenge(response, repository);
    else if (kind === 'manifests') this.sendManifest(response, repository, reference);
    else this.sendBlob(request, response, this.content.findBlob(repository, reference));
  }

  private sendManifest(response: ServerResponse, repository: string, reference: string): void {
    const manifest = this.content.findManifest(repository, reference);
    if (manifest === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': manifest.mediaType }).end(manifest.body);
  }

  private sendBlob(
    request: IncomingMessage,
    response: ServerResponse,
    blob: Buffer | undefined,
  ): void {
    if (blob === undefined) {
      response.writeHead(404).end();
      return;
    }
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = match === null ? 0 : Number(match[1]);
    const end = match?.[2] ? Math.min(Number(match[2]) + 1, blob.length) : blob.length;
    const slice = blob.subarray(start, end);
    this.blobBytesSent += slice.length;
    const range = { 'content-range': `bytes ${start}-${end - 1}/${blob.length}` };
    response.writeHead(match === null ? 200 : 206, {
      'content-length': slice.length,
      ...(match === null ? {} : range),
    });
    response.end(slice);
  }

  private isAllowed(request: IncomingMessage): boolean {
    const said = request.headers.authorization ?? '';
    switch (this.options.auth ?? 'none') {
      case 'none':
        return true;
      case 'basic':
        return said === this.basic();
      case 'token':
        return this.tokens.has(said.replace(/^Bearer /, ''));
    }
  }

  private challenge(response: ServerResponse, repository: string): void {
    const realm = this.realm ?? `${this.origin('tokens')}/token`;
    const challenge =
      this.options.auth === 'basic'
        ? 'Basic realm="test registry"'
        : `Bearer realm="${realm}",service="test registry",scope="repository:${repository}:pull"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  }

  private giveToken(request: IncomingMessage, response: ServerResponse): void {
    this.note(request, 'tokens');
    const isOpen = this.options.user === undefined;
    if (!isOpen && request.headers.authorization !== this.basic()) {
      response.writeHead(401).end();
      return;
    }
    const token = randomBytes(24).toString('base64url');
    if (this.isOnlyNewestGood) this.tokens.clear();
    this.tokens.add(token);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ token, expires_in: 300 }));
  }

  private note(request: IncomingMessage, service: RegistryRequest['service']): string {
    const path = request.url ?? '/';
    this.requests.push({ service, path, authorization: request.headers.authorization });
    return path;
  }

  private basic(): string {
    const { user = '', password = '' } = this.options;
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }
}
