/** What roles may, decided by casbin. */

import { newEnforcer, newModelFromString, type Enforcer } from 'casbin';
import { GUEST_ROLE, ROOT_ROLE, type Permission, type RoleRecord } from '../ledger/index.js';

/** `read` for GET, everything else is `*`. */
export type Action = 'read' | '*';

/** What rights are given on: the first part of each path below `/api/v1`. */
export const OBJECTS = [
  'applications',
  'audits',
  'clusters',
  'configs',
  'jobs',
  'oauth',
  'peers',
  'permissions',
  'persistent-cache-tasks',
  'personal-access-tokens',
  'purge-log',
  'roles',
  'scheduler-clusters',
  'scheduler-features',
  'schedulers',
  'seed-peer-clusters',
  'seed-peers',
  'users',
] as const;

const MODEL = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && (p.obj == "*" || r.obj == p.obj) && (p.act == "*" || r.act == p.act)
`;
const BUILT_IN = [
  [ROOT_ROLE, '*', '*'],
  [GUEST_ROLE, '*', 'read'],
];

/** The rights of all roles at one time; made anew when any of them changes. */
export class AccessPolicy {
  /** Decisions so far; at most one for each role, object and action. */
  private readonly decisions = new Map<string, boolean>();

  private constructor(private readonly enforcer: Enforcer) {}

  /** The built-in roles and the own ones of the ledger. */
  static async of(roles: readonly RoleRecord[]): Promise<AccessPolicy> {
    const model = newModelFromString(MODEL);
    const own = roles.flatMap(({ name, permissions }) =>
      permissions.map(({ object, action }) => [name, object, action]),
    );
    model.addPolicies('p', 'p', [...BUILT_IN, ...own]);
    return new AccessPolicy(await newEnforcer(model));
  }

  /** Whether any of the roles allows it; what nothing allows is denied. */
  may(roles: readonly string[], object: string, action: Action): boolean {
    return roles.some((role) => {
      const key = `${role}\n${object}\n${action}`;
      const known = this.decisions.get(key);
      if (known !== undefined) return known;
      const isAllowed = this.enforcer.enforceSync(role, object, action);
      this.decisions.set(key, isAllowed);
      return isAllowed;
    });
  }
}

/** Every right that can be given. */
export function allPermissions(): readonly Permission[] {
  return OBJECTS.flatMap((object) => ['read', '*'].map((action) => ({ object, action })));
}

/** What a role may, as it is shown: built-in ones object by object too. */
export function permissionsOf({ name, permissions }: RoleRecord): readonly Permission[] {
  const builtIn = BUILT_IN.find(([role]) => role === name)?.[2];
  return builtIn === undefined
    ? permissions
    : OBJECTS.map((object) => ({ object, action: builtIn }));
}
