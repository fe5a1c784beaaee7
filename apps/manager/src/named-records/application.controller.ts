import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query as QueryString,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { IdentityDocs } from '../identity/identity.docs.js';
import type { Json } from '../job-views/index.js';
import type { NamedRecord } from '../ledger/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { textParameter, type Query } from '../rest-edge/query-parameters.js';
import { NamedRecordStore, ownerOf } from './named-record-store.js';
import { parseApplication, requireGiven } from './record-requests.js';
import { rowView } from './record-views.js';

const TAG = 'settings';
const FACTS = { bio: 'string', user_id: 'integer' };

/** Applications and their priorities over REST; kept for whoever reads them, without effect of their own. */
@Controller('api/v1/applications')
export class ApplicationController {
  constructor(private readonly store: NamedRecordStore) {}

  @Get()
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'listApplications', summary: 'Applications', answer: 'rows' },
    filters: ['name'],
    errors: [401, 422],
  })
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const name = textParameter(query, 'name');
    const matches = (one: NamedRecord): boolean => name === undefined || one.name === name;
    const exchange = { query, request, response };
    return (await this.store.list('application', matches, exchange)).map(applicationView);
  }

  @Post()
  @HttpCode(200)
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'createApplication', summary: 'A new one', answer: 'row' },
    body: { name: 'string!', url: 'string!', priority: 'object!', ...FACTS },
    errors: [400, 401, 404, 409, 422],
  })
  async create(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const { name, facts, strippedFields } = parseApplication(body);
    const row = {
      name: requireGiven(name, 'name'),
      facts: {
        url: requireGiven(facts.url, 'url'),
        bio: facts.bio ?? '',
        priority: requireGiven(facts.priority, 'priority'),
        userId: ownerOf(facts.userId, request),
      },
    };
    const made = await this.store.create('application', row, { strippedFields, response });
    return applicationView(made);
  }

  @Get(':id')
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'getApplication', summary: 'One application', answer: 'row' },
    errors: [401, 404, 422],
  })
  async get(@Param('id', IdPipe) applicationId: number): Promise<Json> {
    return applicationView(await this.store.require('application', applicationId));
  }

  @Patch(':id')
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'updateApplication', answer: 'row' },
    summary: 'Change an application; what is not said stays',
    body: { name: 'string', url: 'string', priority: 'object', ...FACTS },
    errors: [400, 401, 404, 409, 422],
  })
  async update(
    @Param('id', IdPipe) applicationId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const request = parseApplication(body);
    const changed = await this.store.update('application', applicationId, request, response);
    return applicationView(changed);
  }

  @Delete(':id')
  @HttpCode(200)
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'deleteApplication', answer: 'nothing' },
    summary: 'Remove an application',
    errors: [401, 404, 422],
  })
  async remove(@Param('id', IdPipe) applicationId: number): Promise<void> {
    await this.store.remove('application', applicationId);
  }
}

function applicationView(application: NamedRecord<'application'>): Json {
  const { url, bio, priority, userId } = application.facts;
  return { ...rowView(application), url, bio, priority, user_id: userId, user: {} };
}
