import { pondhawkV1 } from '@pondhawk/contracts';
import { createClient, GrpcServer, type Client } from '@pondhawk/rpc';

type Response = NonNullable<pondhawkV1.SyncResponse['response']>;

const HOST_LEASE_MS = 4_000;
const EPOCH = Buffer.from('e1'.repeat(16), 'hex');

/** A home scheduler as a host sees it: names an empty log, and remembers what it is told. */
export class FakeHome {
  readonly hellos: pondhawkV1.SyncHello[] = [];
  readonly inventories: pondhawkV1.SyncInventory[] = [];
  readonly answers: pondhawkV1.SyncAnswer[] = [];
  readonly leaseRequests: pondhawkV1.SyncLeaseRequest[] = [];
  /** What it says to a request for a lease, besides whom it answers; undefined: nothing. */
  grant: (request: pondhawkV1.SyncLeaseRequest) => Partial<pondhawkV1.SyncGrant> | undefined =
    () => ({
      logEpoch: EPOCH,
      hostLeaseMs: HOST_LEASE_MS,
    });
  /** What it says it knows of the inventory. */
  known: pondhawkV1.SyncInventoryState = { isKnown: false, revision: 0n };
  private streams: { readonly say: (response: Response) => void; readonly end: () => void }[] = [];
  private server!: GrpcServer;
  private port = 0;
  client!: Client;

  private constructor(readonly id: number) {}

  static async start(id: number): Promise<FakeHome> {
    const home = new FakeHome(id);
    home.server = new GrpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    home.server.addService(pondhawkV1.FleetSyncService, {
      sync: (requests) => home.sync(requests),
      listEntries: async () =>
        Promise.resolve(pondhawkV1.ListEntriesResponse.create({ log: home.log })),
    });
    home.port = await home.server.start();
    home.client = createClient(home.address);
    return home;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Streams that are open now. */
  get streamCount(): number {
    return this.streams.length;
  }

  say(response: Response): void {
    for (const stream of this.streams) stream.say(response);
  }

  /** Ends every stream, as a scheduler that dies does. */
  hangUp(): void {
    for (const stream of [...this.streams]) stream.end();
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.server.stop(0);
  }

  private get log(): pondhawkV1.LogState {
    return { logEpoch: EPOCH, first: 1n, head: 0n, headHash: '' };
  }

  private async *sync(
    requests: AsyncIterable<pondhawkV1.SyncRequest>,
  ): AsyncGenerator<pondhawkV1.SyncResponse, void, undefined> {
    const waiting: Response[] = [];
    let wake = (): void => undefined;
    let hasEnded = false;
    const stream = {
      say: (response: Response) => {
        waiting.push(response);
        wake();
      },
      end: () => {
        hasEnded = true;
        wake();
      },
    };
    this.streams.push(stream);
    void this.read(requests, stream);
    try {
      while (!hasEnded) {
        for (const response of waiting.splice(0)) yield { response };
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.streams = this.streams.filter((one) => one !== stream);
    }
  }

  private async read(
    requests: AsyncIterable<pondhawkV1.SyncRequest>,
    stream: { readonly say: (response: Response) => void; readonly end: () => void },
  ): Promise<void> {
    try {
      for await (const { request } of requests) {
        if (request?.$case === 'hello') {
          this.hellos.push(request.value);
          stream.say({ $case: 'log', value: this.log });
          stream.say({ $case: 'inventory', value: this.known });
        } else if (request?.$case === 'inventory') this.inventories.push(request.value);
        else if (request?.$case === 'answer') this.answers.push(request.value);
        else if (request?.$case === 'leaseRequest') this.answerLease(request.value, stream);
      }
    } catch {
      // The host has hung up; what it said is remembered.
    }
    stream.end();
  }

  private answerLease(
    request: pondhawkV1.SyncLeaseRequest,
    stream: { readonly say: (response: Response) => void },
  ): void {
    this.leaseRequests.push(request);
    const said = this.grant(request);
    const { incarnation } = this.hellos.at(-1)!;
    const named = { incarnation, number: request.number };
    if (said === undefined) return;
    stream.say({ $case: 'grant', value: pondhawkV1.SyncGrant.fromPartial({ ...named, ...said }) });
  }
}
