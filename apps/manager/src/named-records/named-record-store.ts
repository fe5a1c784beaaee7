import { NotFoundError, type Clock } from '@pondhawk/core';
import type { Request, Response } from 'express';
import { requireCaller } from '../identity/caller.js';
import { pageOf } from '../fleet-views/in-memory-page.js';
import { withoutAbsent } from '../fleet-views/cluster-requests.js';
import type {
  LedgerReader,
  LedgerWriter,
  NamedFacts,
  NamedKind,
  NamedRecord,
} from '../ledger/index.js';
import { linkHeader } from '../rest-edge/link-header.js';
import { pageParameters, type Query } from '../rest-edge/query-parameters.js';
import { warnOfStripped } from '../rest-edge/warning-header.js';
import type { RecordRequest } from './record-requests.js';

/** A request and its answer, which gets the `Link` and `Warning` headers. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
}

/** Named rows of all kinds, as their routes read and write them. */
export class NamedRecordStore {
  constructor(
    private readonly reader: LedgerReader,
    private readonly writer: LedgerWriter,
    private readonly clock: Clock,
  ) {}

  /** One page of those that match, by id. */
  async list<K extends NamedKind>(
    kind: K,
    matches: (record: NamedRecord<K>) => boolean,
    { query, request, response }: Exchange & { readonly query: Query },
  ): Promise<readonly NamedRecord<K>[]> {
    const page = pageParameters(query);
    const { items, totalCount } = pageOf((await this.reader.listNamed(kind)).filter(matches), page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items;
  }

  /** @throws NotFoundError (`RECORD_NOT_FOUND`). */
  async require<K extends NamedKind>(kind: K, recordId: number): Promise<NamedRecord<K>> {
    const found = (await this.reader.listNamed(kind)).find(({ id }) => id === recordId);
    if (found !== undefined) return found;
    throw new NotFoundError('RECORD_NOT_FOUND', `There is no ${kind} ${recordId}.`, {
      details: { id: recordId },
    });
  }

  async create<K extends NamedKind>(
    kind: K,
    row: { readonly name: string; readonly facts: NamedFacts[K] },
    { strippedFields, response }: Stripped,
  ): Promise<NamedRecord<K>> {
    const atMs = this.clock.nowMs();
    const { id } = await this.writer.execute('create-named', { atMs, kind, ...row });
    warnOfStripped(response, strippedFields);
    return this.require(kind, id);
  }

  async update<K extends NamedKind>(
    kind: K,
    recordId: number,
    { name, facts, strippedFields }: RecordRequest<NamedFacts[K]>,
    response: Response,
  ): Promise<NamedRecord<K>> {
    await this.writer.execute('update-named', {
      ...{ atMs: this.clock.nowMs(), kind, recordId, ...(name === undefined ? {} : { name }) },
      facts: withoutAbsent(facts),
    });
    warnOfStripped(response, strippedFields);
    return this.require(kind, recordId);
  }

  async remove(kind: NamedKind, recordId: number): Promise<void> {
    await this.writer.execute('delete-named', { atMs: this.clock.nowMs(), kind, recordId });
  }
}

interface Stripped {
  readonly strippedFields: readonly string[];
  readonly response: Response;
}

/** Whose a row is: who the body names, else its maker. */
export function ownerOf(userId: number | undefined, request: Request): number {
  return userId ?? requireCaller(request).user.id;
}
