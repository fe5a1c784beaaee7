import type { Ledger } from '../src/ledger/index.js';
import { START_MS } from './ledger-fixtures.js';

const PAGE = { page: 1, perPage: 10 };

/** Creates a user of this name. @returns his id. */
export async function createUser(
  { writer }: Ledger,
  name: string,
  roles: readonly string[] = ['guest'],
): Promise<number> {
  const { id } = await writer.execute('create-user', {
    atMs: START_MS,
    name,
    email: `${name}@example.com`,
    passwordHash: `hash of ${name}`,
    ...{ avatar: '', phone: '', location: 'here', bio: '' },
    roles,
  });
  return id;
}

/** Users, roles and tokens. */
export function describeIdentity(getLedger: () => Ledger): void {
  const atMs = START_MS;

  describe('when users come', () => {
    it('keeps names and emails apart, and creates the first user once', async () => {
      const ledger = getLedger();
      expect(await ledger.identity.hasUsers()).toBe(false);
      const id = await createUser(ledger, 'root', ['root']);
      expect(await ledger.identity.findUserByName('root')).toMatchObject({ id, roles: ['root'] });
      await expect(createUser(ledger, 'root')).rejects.toMatchObject({ code: 'USER_EXISTS' });
      const facts = { passwordHash: 'x', avatar: '', phone: '', location: '', bio: '', roles: [] };
      await expect(
        ledger.writer.execute('create-user', {
          ...{ atMs, name: 'other', email: 'root@example.com', ...facts },
        }),
      ).rejects.toMatchObject({ code: 'USER_EXISTS', details: { field: 'email' } });
      await expect(
        ledger.writer.execute('create-user', {
          ...{ atMs, name: 'second', email: 's@example.com', ...facts, onlyAsFirst: true },
        }),
      ).rejects.toMatchObject({ code: 'USER_EXISTS' });
    });

    it('finds who signs in by a provider, and makes nobody twice', async () => {
      const ledger = getLedger();
      const link = { issuer: 'https://sso.test', subject: 's-1' };
      const facts = { passwordHash: 'x', avatar: '', phone: '', location: '', bio: '' };
      const create = (name: string) =>
        ledger.writer.execute('create-user', {
          ...{ atMs, name, email: `${name}@example.com`, ...facts, roles: ['guest'], link },
        });
      expect(await ledger.identity.findLinkedUser(link)).toBeUndefined();
      const { id } = await create('eve');
      expect(await create('eva')).toEqual({ id });
      expect(await ledger.identity.findLinkedUser(link)).toMatchObject({ id, name: 'eve' });
      expect(await ledger.identity.findUserByName('eva')).toBeUndefined();
      const other = { ...link, issuer: 'https://other.test' };
      expect(await ledger.identity.findLinkedUser(other)).toBeUndefined();
    });

    it('changes what it is told to, and lists by filter and page', async () => {
      const ledger = getLedger();
      const ids = [];
      for (const name of ['ann', 'bob', 'cat']) ids.push(await createUser(ledger, name));
      await ledger.writer.execute('update-user', { atMs, userId: ids[1]!, location: 'there' });
      const there = await ledger.identity.listUsers({ location: 'there' }, PAGE);
      expect(there.items.map(({ name }) => name)).toEqual(['bob']);
      const second = await ledger.identity.listUsers({}, { page: 2, perPage: 2 });
      expect([second.totalCount, second.items.map(({ name }) => name)]).toEqual([3, ['cat']]);
      await expect(
        ledger.writer.execute('update-user', { atMs, userId: ids[0]!, email: 'bob@example.com' }),
      ).rejects.toMatchObject({ code: 'USER_EXISTS' });
      await expect(
        ledger.writer.execute('update-user', { atMs, userId: 99, bio: 'x' }),
      ).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
    });

    it('counts passwords up, so that sessions of before can be told', async () => {
      const ledger = getLedger();
      const userId = await createUser(ledger, 'ann');
      await ledger.writer.execute('set-password', { atMs, userId, passwordHash: 'new' });
      const user = await ledger.identity.findUser(userId);
      expect(user).toMatchObject({ passwordHash: 'new', passwordVersion: 2 });
    });

    it('remembers ended sessions until their time has run out', async () => {
      const ledger = getLedger();
      const end = (sessionId: string, nowMs: number) =>
        ledger.writer.execute('end-session', {
          ...{ atMs: nowMs, sessionId, expiresAtMs: nowMs + 1_000 },
        });
      await end('a', atMs);
      await end('a', atMs);
      expect(await ledger.identity.isSessionEnded('a')).toBe(true);
      await end('b', atMs + 1_001);
      expect(await ledger.identity.isSessionEnded('a')).toBe(false);
    });
  });

  describe('when roles are given', () => {
    it('refuses what is there, what is not, and what would leave nobody in charge', async () => {
      const { writer, identity } = getLedger();
      const userId = await createUser(getLedger(), 'root', ['root']);
      const permissions = [{ object: 'jobs', action: '*' }];
      await writer.execute('create-role', { atMs, role: 'ops', permissions });
      await writer.execute('grant-role', { atMs, userId, role: 'ops' });
      expect((await identity.findUser(userId))?.roles).toEqual(['ops', 'root']);
      expect(await identity.listRoles()).toEqual([
        { name: 'guest', permissions: [] },
        { name: 'ops', permissions },
        { name: 'root', permissions: [] },
      ]);
      const refusals = [
        [() => writer.execute('create-role', { atMs, role: 'ops', permissions }), 'ROLE_EXISTS'],
        [() => writer.execute('grant-role', { atMs, userId, role: 'ops' }), 'ROLE_ALREADY_GRANTED'],
        [() => writer.execute('grant-role', { atMs, userId, role: 'x' }), 'ROLE_NOT_FOUND'],
        [() => writer.execute('revoke-role', { atMs, userId, role: 'guest' }), 'ROLE_NOT_GRANTED'],
        [() => writer.execute('revoke-role', { atMs, userId, role: 'root' }), 'LAST_ROOT'],
        [() => writer.execute('update-user', { atMs, userId, state: 'disable' }), 'LAST_ROOT'],
        [() => writer.execute('delete-role', { atMs, role: 'root' }), 'ROLE_BUILT_IN'],
      ] as const;
      for (const [refusal, code] of refusals)
        await expect(refusal()).rejects.toMatchObject({ code });
      await createUser(getLedger(), 'deputy', ['root']);
      await writer.execute('revoke-role', { atMs, userId, role: 'root' });
      await writer.execute('delete-role', { atMs, role: 'ops' });
      expect((await identity.findUser(userId))?.roles).toEqual([]);
    });

    it('adds and takes single permissions of own roles', async () => {
      const { writer, identity } = getLedger();
      const read = { atMs, role: 'ops', object: 'jobs', action: 'read' };
      await writer.execute('create-role', { atMs, role: 'ops', permissions: [] });
      await writer.execute('add-permission', read);
      await expect(writer.execute('add-permission', read)).rejects.toMatchObject({
        code: 'PERMISSION_EXISTS',
      });
      expect((await identity.listRoles())[1]?.permissions).toHaveLength(1);
      await writer.execute('remove-permission', read);
      await expect(writer.execute('remove-permission', read)).rejects.toMatchObject({
        code: 'PERMISSION_NOT_FOUND',
      });
      await expect(
        writer.execute('add-permission', { ...read, role: 'guest' }),
      ).rejects.toMatchObject({ code: 'ROLE_BUILT_IN' });
    });
  });

  describe('when tokens are made', () => {
    it('finds them by their public half, with their user, and forgets them', async () => {
      const { writer, identity } = getLedger();
      const userId = await createUser(getLedger(), 'ann');
      const token = {
        ...{ atMs, name: 'ci', lookup: 'abc', secretHash: 'h', bio: '', scopes: ['job'] },
        ...{ expiresAtMs: atMs + 1, userId },
      };
      const { id } = await writer.execute('create-token', token);
      expect(await identity.findTokenByLookup('abc')).toMatchObject({
        ...{ id, userName: 'ann', state: 'active', scopes: ['job'] },
      });
      await expect(writer.execute('create-token', token)).rejects.toMatchObject({
        code: 'TOKEN_EXISTS',
      });
      await expect(
        writer.execute('create-token', { ...token, name: 'b', lookup: 'b', userId: 9 }),
      ).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
      await writer.execute('update-token', { atMs, tokenId: id, state: 'inactive', scopes: [] });
      const inactive = await identity.listTokens({ state: 'inactive', userId }, PAGE);
      expect(inactive.items).toMatchObject([{ id, scopes: [] }]);
      expect((await identity.listTokens({ state: 'active' }, PAGE)).totalCount).toBe(0);
      await writer.execute('delete-token', { atMs, tokenId: id });
      expect(await identity.findToken(id)).toBeUndefined();
      await expect(writer.execute('delete-token', { atMs, tokenId: id })).rejects.toMatchObject({
        code: 'TOKEN_NOT_FOUND',
      });
    });
  });
}
