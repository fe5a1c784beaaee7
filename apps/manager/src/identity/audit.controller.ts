import { Controller, Get, Query as QueryString, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { IdentityReader, type AuditFilter } from '../ledger/index.js';
import { ID_BOUNDS } from '../rest-edge/field-reader.js';
import { linkHeader } from '../rest-edge/link-header.js';
import {
  choiceParameter,
  numberParameter,
  pageParameters,
  textParameter,
  type Query,
} from '../rest-edge/query-parameters.js';
import { auditView } from './identity-views.js';
import { IdentityDocs } from './identity.docs.js';

/** Says how many audits there are, and the hash of the newest: what a check of the chain must end with. */
export const AUDIT_HEAD_HEADER = 'Pondhawk-Audit-Head';
/** Says how many were removed from the beginning by age, and the hash of the last of them: what a check begins with. */
export const AUDIT_START_HEADER = 'Pondhawk-Audit-Start';
/** Most entries in one answer to `after`. */
export const AUDITS_AFTER_MAX = 10_000;

/** The audit log over REST. */
@Controller('api/v1/audits')
export class AuditController {
  constructor(private readonly reader: IdentityReader) {}

  @Get()
  @IdentityDocs({
    operationId: 'listAudits',
    summary:
      'Writes, newest first; with `after` the oldest first from behind that id, to check the chain',
    answer: 'rows',
    filters: [
      ...['actor_type', 'actor_name', 'event_type', 'operation', 'state', 'path'],
      ...['status_code', 'after'],
    ],
    errors: [401, 422],
  })
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const after = numberParameter(query, 'after', ID_BOUNDS);
    if (after !== undefined) {
      // Read first: entries that come meanwhile lie behind it.
      const head = await this.reader.loadAuditHead();
      response.setHeader(AUDIT_HEAD_HEADER, `${head.count} ${head.hash}`);
      const start = await this.reader.loadAuditStart();
      response.setHeader(AUDIT_START_HEADER, `${start.count} ${start.hash}`);
      const limit = Math.min(page.perPage, AUDITS_AFTER_MAX);
      return (await this.reader.listAuditsAfter(after, limit)).map(auditView);
    }
    const { items, totalCount } = await this.reader.listAudits(auditFilter(query), page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items.map(auditView);
  }
}

function auditFilter(query: Query): AuditFilter {
  // Dragonfly has this one type of event, and so have we.
  choiceParameter(query, 'event_type', ['API']);
  const texts = {
    actorType: choiceParameter(query, 'actor_type', ['UNKNOWN', 'USER', 'PAT']),
    actorName: textParameter(query, 'actor_name'),
    operation: choiceParameter(query, 'operation', ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']),
    state: choiceParameter(query, 'state', ['SUCCESS', 'FAILURE']),
    path: textParameter(query, 'path'),
    statusCode: numberParameter(query, 'status_code', ID_BOUNDS),
  };
  const given = Object.entries(texts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}
