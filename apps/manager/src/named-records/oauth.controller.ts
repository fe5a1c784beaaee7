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
import { PermissionDeniedError } from '@pondhawk/core';
import { AuthKeySource } from '../identity/auth-key.js';
import { requireCaller } from '../identity/caller.js';
import { IdentityDocs } from '../identity/identity.docs.js';
import type { Json } from '../job-views/index.js';
import { ROOT_ROLE, type NamedRecord } from '../ledger/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { textParameter, type Query } from '../rest-edge/query-parameters.js';
import { NamedRecordStore } from './named-record-store.js';
import { parseProvider, requireGiven } from './record-requests.js';
import { rowView } from './record-views.js';
import { sealSecret } from './sealed-secret.js';

const TAG = 'settings';
const FACTS = { bio: 'string', redirect_url: 'string', issuer: 'string' };

/** Providers of sign-in over REST; their secrets go in and never come out. */
@Controller('api/v1/oauth')
export class OauthController {
  constructor(
    private readonly store: NamedRecordStore,
    private readonly keys: AuthKeySource,
  ) {}

  @Get()
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'listOauth', summary: 'Providers of sign-in', answer: 'rows' },
    filters: ['name', 'client_id'],
    errors: [401, 422],
  })
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const name = textParameter(query, 'name');
    const clientId = textParameter(query, 'client_id');
    const matches = (one: NamedRecord<'oauth provider'>): boolean =>
      (name === undefined || one.name === name) &&
      (clientId === undefined || one.facts.clientId === clientId);
    const exchange = { query, request, response };
    return (await this.store.list('oauth provider', matches, exchange)).map(providerView);
  }

  @Post()
  @HttpCode(200)
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'createOauth', answer: 'row' },
    summary: 'A new provider of sign-in; its secret is not shown again',
    body: { name: 'string!', client_id: 'string!', client_secret: 'string!', ...FACTS },
    errors: [400, 401, 409, 422],
  })
  async create(
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    requireRoot(request);
    const { name, facts, strippedFields } = parseProvider(body);
    const row = {
      name: requireGiven(name, 'name'),
      facts: {
        bio: facts.bio ?? '',
        clientId: requireGiven(facts.clientId, 'client_id'),
        clientSecret: this.seal(requireGiven(facts.clientSecret, 'client_secret')),
        redirectUrl: facts.redirectUrl ?? '',
        issuer: facts.issuer ?? '',
      },
    };
    return providerView(
      await this.store.create('oauth provider', row, { strippedFields, response }),
    );
  }

  @Get(':id')
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'getOauth', summary: 'One provider of sign-in', answer: 'row' },
    errors: [401, 404, 422],
  })
  async get(@Param('id', IdPipe) providerId: number): Promise<Json> {
    return providerView(await this.store.require('oauth provider', providerId));
  }

  @Patch(':id')
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'updateOauth', answer: 'row' },
    summary: 'Change a provider of sign-in; what is not said stays',
    body: { name: 'string', client_id: 'string', client_secret: 'string', ...FACTS },
    errors: [400, 401, 404, 409, 422],
  })
  async update(
    @Param('id', IdPipe) providerId: number,
    @Body() body: unknown,
    @Req() raw: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    requireRoot(raw);
    const request = parseProvider(body);
    const { clientSecret } = request.facts;
    const sealed = clientSecret === undefined ? undefined : this.seal(clientSecret);
    const changes = { ...request, facts: { ...request.facts, clientSecret: sealed } };
    return providerView(await this.store.update('oauth provider', providerId, changes, response));
  }

  @Delete(':id')
  @HttpCode(200)
  @IdentityDocs({
    ...{ tag: TAG, operationId: 'deleteOauth', answer: 'nothing' },
    summary: 'Remove a provider of sign-in',
    errors: [401, 404, 422],
  })
  async remove(@Param('id', IdPipe) providerId: number): Promise<void> {
    await this.store.remove('oauth provider', providerId);
  }

  private seal(secret: string): string {
    return sealSecret(this.keys.keys.seal, secret);
  }
}

/**
 * The manager asks what the issuer's URL names, and lets in whom that vouches for: no other role may say which,
 * whatever it may change.
 *
 * @throws PermissionDeniedError (`PERMISSION_DENIED`).
 */
function requireRoot(request: Request): void {
  if (requireCaller(request).user.roles.includes(ROOT_ROLE)) return;
  throw new PermissionDeniedError(
    'PERMISSION_DENIED',
    'Only the role root may say who vouches for users.',
  );
}

function providerView(provider: NamedRecord<'oauth provider'>): Json {
  const { bio, clientId, redirectUrl, issuer } = provider.facts;
  return {
    ...rowView(provider),
    ...{ bio, client_id: clientId, redirect_url: redirectUrl, issuer },
  };
}
