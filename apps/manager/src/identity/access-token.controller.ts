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
import { NotFoundError } from '@pondhawk/core';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { IdentityReader, type TokenRecord } from '../ledger/index.js';
import { ID_BOUNDS } from '../rest-edge/field-reader.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import {
  choiceParameter,
  numberParameter,
  pageParameters,
  type Query,
} from '../rest-edge/query-parameters.js';
import { strippedFieldsWarning } from '../rest-edge/warning-header.js';
import { AccessTokens } from './access-token.js';
import { noteSelector } from './audit-recorder.js';
import { requireCaller } from './caller.js';
import { parseCreateToken, parseUpdateToken } from './identity-requests.js';
import { IdentityStore } from './identity-store.js';
import { tokenView } from './identity-views.js';
import { IdentityDocs } from './identity.docs.js';
import { UserAccounts } from './user-accounts.js';

/** Personal access tokens over REST; a token itself is in one answer only, that to its making. */
@Controller('api/v1/personal-access-tokens')
export class AccessTokenController {
  constructor(
    private readonly reader: IdentityReader,
    private readonly store: IdentityStore,
    private readonly accounts: UserAccounts,
    private readonly tokens: AccessTokens,
  ) {}

  @Get()
  @IdentityDocs({
    operationId: 'listTokens',
    summary: 'Personal access tokens, without their secrets',
    answer: 'rows',
    filters: ['state', 'user_id'],
    errors: [401, 422],
  })
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const state = choiceParameter(query, 'state', ['active', 'inactive'] as const);
    const userId = numberParameter(query, 'user_id', ID_BOUNDS);
    const { items, totalCount } = await this.reader.listTokens(
      { ...(state === undefined ? {} : { state }), ...(userId === undefined ? {} : { userId }) },
      page,
    );
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items.map((token) => tokenView(token));
  }

  @Post()
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'createToken',
    summary: 'A new token; `token` of the answer is shown this once',
    answer: 'row',
    body: {
      ...{ name: 'string!', expired_at: 'string!', user_id: 'integer' },
      ...{ bio: 'string', scopes: 'array' },
    },
    errors: [400, 401, 404, 409, 422],
  })
  async create(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const { strippedFields, ...wanted } = parseCreateToken(body);
    const { userId = requireCaller(request).user.id } = wanted;
    noteSelector(request, `name=${wanted.name} scopes=${wanted.scopes.join(',')} user=${userId}`);
    await this.requireMayFor(request, userId);
    const { token, ...kept } = this.tokens.make();
    const { id } = await this.store.change('create-token', { ...wanted, ...kept, userId });
    const warning = strippedFieldsWarning(strippedFields);
    if (warning !== undefined) response.setHeader('Warning', warning);
    return tokenView(await this.require(id), token);
  }

  @Get(':id')
  @IdentityDocs({
    operationId: 'getToken',
    summary: 'One token, without its secret',
    answer: 'row',
    errors: [401, 404, 422],
  })
  async get(@Param('id', IdPipe) tokenId: number): Promise<Json> {
    return tokenView(await this.require(tokenId));
  }

  @Patch(':id')
  @IdentityDocs({
    operationId: 'updateToken',
    summary: 'Change a token, or switch it off',
    answer: 'row',
    body: {
      ...{ bio: 'string', scopes: 'array', state: 'string', expired_at: 'string' },
      user_id: 'integer',
    },
    errors: [400, 401, 404, 422],
  })
  async update(
    @Param('id', IdPipe) tokenId: number,
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const { strippedFields, ...changes } = parseUpdateToken(body);
    noteSelector(request, `id=${tokenId} ${Object.keys(changes).join(',')}`);
    const { userId } = await this.require(tokenId);
    await this.requireMayFor(request, userId);
    if (changes.userId !== undefined) await this.requireMayFor(request, changes.userId);
    await this.store.change('update-token', { tokenId, ...changes });
    const warning = strippedFieldsWarning(strippedFields);
    if (warning !== undefined) response.setHeader('Warning', warning);
    return tokenView(await this.require(tokenId));
  }

  @Delete(':id')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'deleteToken',
    summary: 'Revoke a token',
    answer: 'nothing',
    errors: [401, 404, 422],
  })
  async remove(@Param('id', IdPipe) tokenId: number, @Req() request: Request): Promise<void> {
    noteSelector(request, `id=${tokenId}`);
    await this.store.change('delete-token', { tokenId });
  }

  /** A token acts for its user, so only who may change users may make or widen one of somebody else. */
  private async requireMayFor(request: Request, userId: number): Promise<void> {
    const caller = requireCaller(request);
    if (caller.user.id !== userId) await this.accounts.requireMay(caller, 'users', '*');
  }

  private async require(tokenId: number): Promise<TokenRecord> {
    const token = await this.reader.findToken(tokenId);
    if (token !== undefined) return token;
    throw new NotFoundError('TOKEN_NOT_FOUND', `There is no personal access token ${tokenId}.`, {
      details: { id: tokenId },
    });
  }
}
