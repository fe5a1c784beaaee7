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
import { ManagerConfig } from '../config/manager.config.js';
import { IdentityDocs } from '../identity/identity.docs.js';
import type { Json } from '../job-views/index.js';
import { GC_CONFIG_NAME, type NamedRecord } from '../ledger/index.js';
import { ID_BOUNDS } from '../rest-edge/field-reader.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { numberParameter, textParameter, type Query } from '../rest-edge/query-parameters.js';
import { agesOfSettings, parseAges, writeAges } from '../retention/retention-ages.js';
import { NamedRecordStore, ownerOf } from './named-record-store.js';
import { parseConfig, requireGiven } from './record-requests.js';
import { rowView } from './record-views.js';

const TAG = 'settings';

/** Configs over REST: texts by name. The first, `gc`, says how long jobs and audits are kept; others are only kept. */
@Controller('api/v1/configs')
export class ConfigController {
  constructor(
    private readonly store: NamedRecordStore,
    private readonly settings: ManagerConfig,
  ) {}

  @Get()
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'listConfigs', summary: 'Configs, `gc` first', answer: 'rows' },
    filters: ['name', 'value', 'user_id'],
    errors: [401, 422],
  })
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const name = textParameter(query, 'name');
    const value = textParameter(query, 'value');
    const userId = numberParameter(query, 'user_id', ID_BOUNDS);
    const matches = (config: NamedRecord<'config'>): boolean =>
      (name === undefined || config.name === name) &&
      (value === undefined || this.shownValue(config) === value) &&
      (userId === undefined || config.facts.userId === userId);
    const configs = await this.store.list('config', matches, { query, request, response });
    return configs.map((config) => this.view(config));
  }

  @Post()
  @HttpCode(200)
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'createConfig', summary: 'A new config', answer: 'row' },
    body: { name: 'string!', value: 'string!', bio: 'string', user_id: 'integer' },
    errors: [400, 401, 404, 409, 422],
  })
  async create(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const { name, facts, strippedFields } = parseConfig(body);
    const row = {
      name: requireGiven(name, 'name'),
      facts: {
        value: requireGiven(facts.value, 'value'),
        bio: facts.bio ?? '',
        userId: ownerOf(facts.userId, request),
      },
    };
    return this.view(await this.store.create('config', row, { strippedFields, response }));
  }

  @Get(':id')
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'getConfig', summary: 'One config', answer: 'row' },
    errors: [401, 404, 422],
  })
  async get(@Param('id', IdPipe) configId: number): Promise<Json> {
    return this.view(await this.store.require('config', configId));
  }

  @Patch(':id')
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'updateConfig', answer: 'row' },
    summary: 'Change a config; what is not said stays',
    body: { name: 'string', value: 'string', bio: 'string', user_id: 'integer' },
    errors: [400, 401, 404, 409, 422],
  })
  async update(
    @Param('id', IdPipe) configId: number,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const request = parseConfig(body);
    const present = await this.store.require('config', configId);
    // An empty value gives way to the settings again.
    const { value = '' } = request.facts;
    if (present.name === GC_CONFIG_NAME && value !== '') parseAges(value);
    return this.view(await this.store.update('config', configId, request, response));
  }

  @Delete(':id')
  @HttpCode(200)
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'deleteConfig', summary: 'Remove a config', answer: 'nothing' },
    errors: [401, 404, 409, 422],
  })
  async remove(@Param('id', IdPipe) configId: number): Promise<void> {
    await this.store.remove('config', configId);
  }

  private view(config: NamedRecord<'config'>): Json {
    const { bio, userId } = config.facts;
    return { ...rowView(config), bio, value: this.shownValue(config), user_id: userId, user: {} };
  }

  private shownValue({ name, facts }: NamedRecord<'config'>): string {
    if (name !== GC_CONFIG_NAME || facts.value !== '') return facts.value;
    return writeAges(agesOfSettings(this.settings.retention));
  }
}
