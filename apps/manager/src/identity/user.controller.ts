import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Put,
  Query as QueryString,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Json } from '../job-views/index.js';
import { IdentityReader } from '../ledger/index.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import {
  choiceParameter,
  pageParameters,
  textParameter,
  type Query,
} from '../rest-edge/query-parameters.js';
import { strippedFieldsWarning } from '../rest-edge/warning-header.js';
import { noteSelector } from './audit-recorder.js';
import { requireCaller } from './caller.js';
import { parseUpdateUser } from './identity-requests.js';
import { IdentityStore } from './identity-store.js';
import { userView } from './identity-views.js';
import { IdentityDocs } from './identity.docs.js';
import { OwnUserRoute } from './route-access.js';
import { UserAccounts } from './user-accounts.js';

/** Users over REST. */
@Controller('api/v1/users')
export class UserController {
  constructor(
    private readonly reader: IdentityReader,
    private readonly store: IdentityStore,
    private readonly accounts: UserAccounts,
  ) {}

  @Get()
  @IdentityDocs({
    operationId: 'listUsers',
    summary: 'Users',
    answer: 'rows',
    filters: ['name', 'email', 'location', 'state'],
    errors: [401, 422],
  })
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const state = choiceParameter(query, 'state', ['enable', 'disable'] as const);
    const texts = (['name', 'email', 'location'] as const).flatMap((field) => {
      const value = textParameter(query, field);
      return value === undefined ? [] : [[field, value] as const];
    });
    const filter = { ...Object.fromEntries(texts), ...(state === undefined ? {} : { state }) };
    const { items, totalCount } = await this.reader.listUsers(filter, page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items.map(userView);
  }

  @Get(':id')
  @OwnUserRoute()
  @IdentityDocs({
    operationId: 'getUser',
    summary: 'One user; everybody for himself',
    answer: 'row',
    errors: [401, 404, 422],
  })
  async get(@Param('id', IdPipe) userId: number): Promise<Json> {
    return userView(await this.accounts.require(userId));
  }

  @Patch(':id')
  @OwnUserRoute()
  @IdentityDocs({
    operationId: 'updateUser',
    summary: 'Change a user; everybody for himself, but for the state',
    answer: 'row',
    body: {
      ...{ email: 'string', phone: 'string', avatar: 'string', location: 'string' },
      ...{ bio: 'string', state: 'string' },
    },
    errors: [400, 401, 404, 409, 422],
  })
  async update(
    @Param('id', IdPipe) userId: number,
    @Body() body: unknown,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const { strippedFields, ...changes } = parseUpdateUser(body);
    noteSelector(request, `id=${userId} ${Object.keys(changes).join(',')}`);
    if (changes.state !== undefined) {
      await this.accounts.requireMay(requireCaller(request), 'users', '*');
    }
    await this.store.change('update-user', { userId, ...changes });
    const warning = strippedFieldsWarning(strippedFields);
    if (warning !== undefined) response.setHeader('Warning', warning);
    return userView(await this.accounts.require(userId));
  }

  @Get(':id/roles')
  @OwnUserRoute()
  @IdentityDocs({
    operationId: 'listRolesOfUser',
    summary: 'Names of the roles of a user; everybody for himself',
    answer: 'texts',
    errors: [401, 404, 422],
  })
  async listRoles(@Param('id', IdPipe) userId: number): Promise<readonly string[]> {
    return (await this.accounts.require(userId)).roles;
  }

  @Put(':id/roles/:role')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'grantRole',
    summary: 'Give a user a role',
    answer: 'nothing',
    errors: [401, 404, 409, 422],
  })
  async grantRole(
    @Param('id', IdPipe) userId: number,
    @Param('role') role: string,
    @Req() request: Request,
  ): Promise<void> {
    noteSelector(request, `id=${userId} role=${role}`);
    await this.store.change('grant-role', { userId, role });
  }

  @Delete(':id/roles/:role')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'revokeRole',
    summary: 'Take a role from a user',
    answer: 'nothing',
    errors: [401, 404, 409, 422],
  })
  async revokeRole(
    @Param('id', IdPipe) userId: number,
    @Param('role') role: string,
    @Req() request: Request,
  ): Promise<void> {
    noteSelector(request, `id=${userId} role=${role}`);
    await this.store.change('revoke-role', { userId, role });
  }
}
