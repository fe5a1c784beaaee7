import { commonV2, pondhawkV1, toPurgeEntry } from '@pondhawk/contracts';
import { callBidi, type BidiCall, type Client } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';

type Stream = BidiCall<pondhawkV1.SyncRequest, pondhawkV1.SyncResponse>;

/** A host as the scheduler sees it: what it says is the test's to say. */
export class FakeHost {
  readonly entries: number[] = [];
  readonly logs: { readonly epoch: string; readonly head: number }[] = [];
  /** What the scheduler said it knows of the inventory; undefined: nothing. */
  readonly known: (number | undefined)[] = [];
  readonly questions: pondhawkV1.SyncQuestion[] = [];
  readonly grants: pondhawkV1.SyncGrant[] = [];
  ended: { readonly code: string } | 'end' | undefined;

  constructor(private readonly stream: Stream) {
    void this.read();
  }

  /** Opens a stream and says hello. */
  static async connect(
    client: Client,
    name: string,
    facts: Partial<pondhawkV1.SyncHello> = {},
  ): Promise<FakeHost> {
    const host = new FakeHost(callBidi(client, pondhawkV1.FleetSyncService.sync, {}));
    await host.say({
      $case: 'hello',
      value: {
        ...{ host: hostMessage(name), incarnation: Buffer.alloc(16, 1) },
        ...{ logEpoch: Buffer.alloc(16), applied: 0n, appliedHash: '' },
        formerIncarnation: Buffer.alloc(0),
        outlived: [Buffer.alloc(16, 0xf0)],
        lock: Buffer.alloc(16, 2),
        ...facts,
      },
    });
    return host;
  }

  async answer(seq: number, outcome: string, epoch = 'e1'.repeat(16)): Promise<void> {
    const told = pondhawkV1.PurgeOutcome.fromPartial({ seq: BigInt(seq), outcome, copies: 1 });
    await this.say({
      $case: 'outcomes',
      value: { logEpoch: Buffer.from(epoch, 'hex'), outcomes: [told] },
    });
  }

  /** Tells of its inventory; task ids in hex. */
  async tell(facts: {
    readonly held?: readonly string[];
    readonly gone?: readonly string[];
    readonly isStart?: boolean;
    readonly revision?: number;
  }): Promise<void> {
    const bytes = (ids: readonly string[] = []) => ids.map((id) => Buffer.from(id, 'hex'));
    const { held, gone, isStart = false, revision } = facts;
    await this.say({
      $case: 'inventory',
      value: {
        ...{ held: bytes(held), gone: bytes(gone), isStart },
        ...{ isCurrent: revision !== undefined, revision: BigInt(revision ?? 0) },
      },
    });
  }

  async say(request: pondhawkV1.SyncRequest['request']): Promise<void> {
    await this.stream.send({ request });
  }

  /** Asks for a lease. @returns the answer to this very request. */
  async askLease(number: number, waiverEnd = 0): Promise<pondhawkV1.SyncGrant> {
    const value = { number: BigInt(number), applied: 0n, waiverEnd: BigInt(waiverEnd) };
    const logEpoch = Buffer.alloc(16, 0xe1);
    await this.say({ $case: 'leaseRequest', value: { ...value, logEpoch } });
    await eventually(() => this.grants.some((grant) => Number(grant.number) === number), {
      timeoutMs: 10_000,
    });
    return this.grants.find((grant) => Number(grant.number) === number)!;
  }

  leave(): void {
    this.stream.end();
  }

  private async read(): Promise<void> {
    try {
      for await (const { response } of this.stream.responses) this.take(response);
      this.ended = 'end';
    } catch (error) {
      this.ended = error as { code: string };
    }
  }

  private take(response: pondhawkV1.SyncResponse['response']): void {
    if (response?.$case === 'log') {
      const { logEpoch, head } = response.value;
      this.logs.push({ epoch: Buffer.from(logEpoch).toString('hex'), head: Number(head) });
    } else if (response?.$case === 'entries') {
      this.entries.push(...response.value.entries.map((entry) => toPurgeEntry(entry).seq));
    } else if (response?.$case === 'inventory') {
      const { isKnown, revision } = response.value;
      this.known.push(isKnown ? Number(revision) : undefined);
    } else if (response?.$case === 'grant') {
      this.grants.push(response.value);
    } else if (response?.$case === 'question') {
      this.questions.push(response.value);
    }
  }
}

/** A host by name. */
export function hostMessage(name: string): commonV2.Host {
  return commonV2.Host.fromPartial({ id: name, hostname: name, ip: '127.0.0.1', port: 4000 });
}
