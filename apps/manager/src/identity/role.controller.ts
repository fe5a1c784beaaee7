import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { NotFoundError } from '@pondhawk/core';
import type { Request } from 'express';
import { IdentityReader, type Permission } from '../ledger/index.js';
import { allPermissions, permissionsOf } from './access-policy.js';
import { noteSelector } from './audit-recorder.js';
import { parseCreateRole, parsePermission } from './identity-requests.js';
import { IdentityStore } from './identity-store.js';
import { IdentityDocs } from './identity.docs.js';

/** Roles and what they may, over REST. */
@Controller('api/v1')
export class RoleController {
  constructor(
    private readonly reader: IdentityReader,
    private readonly store: IdentityStore,
  ) {}

  @Get('roles')
  @IdentityDocs({
    operationId: 'listRoles',
    summary: 'Names of all roles',
    answer: 'texts',
    errors: [401],
  })
  async list(): Promise<string[]> {
    return (await this.reader.listRoles()).map(({ name }) => name);
  }

  @Post('roles')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'createRole',
    summary: 'A new role',
    answer: 'nothing',
    body: { role: 'string!', permissions: 'array!' },
    errors: [400, 401, 409, 422],
  })
  async create(@Body() body: unknown, @Req() request: Request): Promise<void> {
    const { role, permissions } = parseCreateRole(body);
    noteSelector(request, `role=${role} ${permissions.map(describe).join(' ')}`);
    await this.store.change('create-role', { role, permissions });
  }

  @Get('roles/:role')
  @IdentityDocs({
    operationId: 'getRole',
    summary: 'What a role may: [role, object, action] each',
    answer: 'rows',
    errors: [401, 404],
  })
  async get(@Param('role') name: string): Promise<string[][]> {
    const role = (await this.reader.listRoles()).find((one) => one.name === name);
    if (role === undefined) {
      throw new NotFoundError('ROLE_NOT_FOUND', `There is no role ${name}.`);
    }
    return permissionsOf(role).map(({ object, action }) => [name, object, action]);
  }

  @Delete('roles/:role')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'deleteRole',
    summary: 'Remove a role, and take it from everybody',
    answer: 'nothing',
    errors: [401, 404, 409],
  })
  async remove(@Param('role') role: string, @Req() request: Request): Promise<void> {
    noteSelector(request, `role=${role}`);
    await this.store.change('delete-role', { role });
  }

  @Post('roles/:role/permissions')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'addPermission',
    summary: 'Let a role do more',
    answer: 'nothing',
    body: { object: 'string!', action: 'string!' },
    errors: [400, 401, 404, 409, 422],
  })
  async addPermission(
    @Param('role') role: string,
    @Body() body: unknown,
    @Req() request: Request,
  ): Promise<void> {
    const permission = parsePermission(body);
    noteSelector(request, `role=${role} ${describe(permission)}`);
    await this.store.change('add-permission', { role, ...permission });
  }

  @Delete('roles/:role/permissions')
  @HttpCode(200)
  @IdentityDocs({
    operationId: 'removePermission',
    summary: 'Let a role do less',
    answer: 'nothing',
    body: { object: 'string!', action: 'string!' },
    errors: [400, 401, 404, 409, 422],
  })
  async removePermission(
    @Param('role') role: string,
    @Body() body: unknown,
    @Req() request: Request,
  ): Promise<void> {
    const permission = parsePermission(body);
    noteSelector(request, `role=${role} ${describe(permission)}`);
    await this.store.change('remove-permission', { role, ...permission });
  }

  @Get('permissions')
  @IdentityDocs({
    operationId: 'listPermissions',
    summary: 'Everything that a role can be allowed',
    answer: 'rows',
    errors: [401],
  })
  listPermissions(): readonly Permission[] {
    return allPermissions();
  }
}

function describe({ object, action }: Permission): string {
  return `${object}:${action}`;
}
