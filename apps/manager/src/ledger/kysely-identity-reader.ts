import type { AuditHead, ChainedAudit } from '@pondhawk/core';
import { type Kysely, sql } from 'kysely';
import {
  type AuditFilter,
  IdentityReader,
  type TokenFilter,
  type UserFilter,
} from './identity-reader.js';
import type { RoleRecord, TokenRecord, UserLink, UserRecord } from './identity-records.js';
import { toAudit, toTokenRecord, toUserRecord } from './identity-rows.js';
import type { UserRow } from './identity-tables.js';
import { toLedgerError } from './ledger-connections.js';
import type { Page, PageRequest } from './ledger-reader.js';
import { valueSet } from './row-set.js';
import type { LedgerDialect, LedgerTables } from './tables.js';

const count = sql<number>`count(*)`.as('count');

/** Reads on connections that cannot write. */
export class KyselyIdentityReader extends IdentityReader {
  constructor(
    private readonly db: Kysely<LedgerTables>,
    private readonly dialect: LedgerDialect,
  ) {
    super();
  }

  override hasUsers(): Promise<boolean> {
    return this.read(async () => {
      const user = await this.db.selectFrom('users').select('id').limit(1).executeTakeFirst();
      return user !== undefined;
    });
  }

  override findUser(userId: number): Promise<UserRecord | undefined> {
    return this.read(async () => {
      const query = this.db.selectFrom('users').selectAll().where('id', '=', userId);
      return (await this.withRoles(await query.execute()))[0];
    });
  }

  override findUserByName(name: string): Promise<UserRecord | undefined> {
    return this.read(async () => {
      const query = this.db.selectFrom('users').selectAll().where('name', '=', name);
      return (await this.withRoles(await query.execute()))[0];
    });
  }

  override findLinkedUser({ issuer, subject }: UserLink): Promise<UserRecord | undefined> {
    return this.read(async () => {
      const rows = await this.db
        .selectFrom('users')
        .innerJoin('user_links', 'user_links.user_id', 'users.id')
        .selectAll('users')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .execute();
      return (await this.withRoles(rows))[0];
    });
  }

  override listUsers(filter: UserFilter, page: PageRequest): Promise<Page<UserRecord>> {
    return this.read(async () => {
      let query = this.db.selectFrom('users');
      for (const column of ['name', 'email', 'location', 'state'] as const) {
        const wanted = filter[column];
        if (wanted !== undefined) query = query.where(column, '=', wanted);
      }
      const total = await query.select(count).executeTakeFirstOrThrow();
      const rows = await query
        .selectAll()
        .orderBy('id')
        .limit(page.perPage)
        .offset(offsetOf(page))
        .execute();
      return { items: await this.withRoles(rows), totalCount: total.count };
    });
  }

  override listRoles(): Promise<readonly RoleRecord[]> {
    return this.read(async () => {
      const roles = await this.db.selectFrom('roles').select('name').orderBy('name').execute();
      const permissions = await this.db
        .selectFrom('role_permissions')
        .selectAll()
        .orderBy('object')
        .orderBy('action')
        .execute();
      return roles.map(({ name }) => ({
        name,
        permissions: permissions
          .filter(({ role }) => role === name)
          .map(({ object, action }) => ({ object, action })),
      }));
    });
  }

  override findToken(tokenId: number): Promise<TokenRecord | undefined> {
    return this.read(async () => {
      const row = await this.tokens().where('tokens.id', '=', tokenId).executeTakeFirst();
      return row === undefined ? undefined : toTokenRecord(row);
    });
  }

  override findTokenByLookup(lookup: string): Promise<TokenRecord | undefined> {
    return this.read(async () => {
      const row = await this.tokens().where('tokens.lookup', '=', lookup).executeTakeFirst();
      return row === undefined ? undefined : toTokenRecord(row);
    });
  }

  override listTokens(filter: TokenFilter, page: PageRequest): Promise<Page<TokenRecord>> {
    return this.read(async () => {
      let all = this.db.selectFrom('personal_access_tokens').select(count);
      let query = this.tokens();
      const { state, userId } = filter;
      if (state !== undefined) {
        all = all.where('state', '=', state);
        query = query.where('tokens.state', '=', state);
      }
      if (userId !== undefined) {
        all = all.where('user_id', '=', userId);
        query = query.where('tokens.user_id', '=', userId);
      }
      const rows = await query
        .orderBy('tokens.id')
        .limit(page.perPage)
        .offset(offsetOf(page))
        .execute();
      const total = await all.executeTakeFirstOrThrow();
      return { items: rows.map(toTokenRecord), totalCount: total.count };
    });
  }

  override isSessionEnded(sessionId: string): Promise<boolean> {
    return this.read(async () => {
      const row = await this.db
        .selectFrom('ended_sessions')
        .select('id')
        .where('id', '=', sessionId)
        .executeTakeFirst();
      return row !== undefined;
    });
  }

  override listAudits(filter: AuditFilter, page: PageRequest): Promise<Page<ChainedAudit>> {
    return this.read(async () => {
      let query = this.db.selectFrom('audits');
      const wanted = {
        actor_type: filter.actorType,
        actor_name: filter.actorName,
        operation: filter.operation,
        state: filter.state,
        path: filter.path,
        status_code: filter.statusCode,
      };
      for (const [column, value] of Object.entries(wanted)) {
        if (value !== undefined) query = query.where(sql.ref(column), '=', value);
      }
      const total = await query.select(count).executeTakeFirstOrThrow();
      const rows = await query
        .selectAll()
        .orderBy('id', 'desc')
        .limit(page.perPage)
        .offset(offsetOf(page))
        .execute();
      return { items: rows.map(toAudit), totalCount: total.count };
    });
  }

  override listAuditsAfter(afterId: number, limit: number): Promise<readonly ChainedAudit[]> {
    return this.read(async () => {
      const rows = await this.db
        .selectFrom('audits')
        .selectAll()
        .where('id', '>', afterId)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toAudit);
    });
  }

  override loadAuditHead(): Promise<AuditHead> {
    return this.read(() =>
      this.db
        .selectFrom('audit_head')
        .select(['count', 'hash'])
        .where('id', '=', 1)
        .executeTakeFirstOrThrow(),
    );
  }

  override loadAuditStart(): Promise<AuditHead> {
    return this.read(() =>
      this.db
        .selectFrom('audit_start')
        .select(['removed_count as count', 'removed_hash as hash'])
        .executeTakeFirstOrThrow(),
    );
  }

  private tokens() {
    return this.db
      .selectFrom('personal_access_tokens as tokens')
      .leftJoin('users', 'users.id', 'tokens.user_id')
      .selectAll('tokens')
      .select('users.name as user_name');
  }

  private async withRoles(rows: readonly UserRow[]): Promise<UserRecord[]> {
    if (rows.length === 0) return [];
    const granted = await this.db
      .selectFrom('user_roles')
      .selectAll()
      .where(
        'user_id',
        'in',
        valueSet(
          this.dialect,
          rows.map(({ id }) => id),
        ),
      )
      .orderBy('role')
      .execute();
    const roles = new Map<number, string[]>();
    for (const { user_id, role } of granted) {
      roles.set(user_id, [...(roles.get(user_id) ?? []), role]);
    }
    return rows.map((row) => toUserRecord(row, roles.get(row.id) ?? []));
  }

  private async read<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw toLedgerError(this.dialect, error);
    }
  }
}

function offsetOf({ page, perPage }: PageRequest): number {
  return (page - 1) * perPage;
}
