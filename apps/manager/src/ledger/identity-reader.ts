import type { AuditHead, ChainedAudit } from '@pondhawk/core';
import type {
  RoleRecord,
  TokenRecord,
  TokenState,
  UserLink,
  UserRecord,
  UserState,
} from './identity-records.js';
import type { Page, PageRequest } from './ledger-reader.js';

/** Which users a list holds; what is absent does not matter. */
export interface UserFilter {
  readonly name?: string;
  readonly email?: string;
  readonly location?: string;
  readonly state?: UserState;
}

/** Which tokens a list holds. */
export interface TokenFilter {
  readonly state?: TokenState;
  readonly userId?: number;
}

/** Which audits a list holds. */
export interface AuditFilter {
  readonly actorType?: string;
  readonly actorName?: string;
  readonly operation?: string;
  readonly state?: string;
  readonly path?: string;
  readonly statusCode?: number;
}

/** Reads of users, roles, tokens and audits, on a connection that cannot write. */
export abstract class IdentityReader {
  abstract hasUsers(): Promise<boolean>;
  abstract findUser(userId: number): Promise<UserRecord | undefined>;
  /** Who signs in so at a provider. */
  abstract findLinkedUser(link: UserLink): Promise<UserRecord | undefined>;
  abstract findUserByName(name: string): Promise<UserRecord | undefined>;
  /** By id. */
  abstract listUsers(filter: UserFilter, page: PageRequest): Promise<Page<UserRecord>>;
  /** All roles by name, built-in ones among them. */
  abstract listRoles(): Promise<readonly RoleRecord[]>;
  abstract findToken(tokenId: number): Promise<TokenRecord | undefined>;
  abstract findTokenByLookup(lookup: string): Promise<TokenRecord | undefined>;
  /** By id. */
  abstract listTokens(filter: TokenFilter, page: PageRequest): Promise<Page<TokenRecord>>;
  abstract isSessionEnded(sessionId: string): Promise<boolean>;
  /** Newest first. */
  abstract listAudits(filter: AuditFilter, page: PageRequest): Promise<Page<ChainedAudit>>;
  /** Oldest first, from the one after `afterId` on. */
  abstract listAuditsAfter(afterId: number, limit: number): Promise<readonly ChainedAudit[]>;
  abstract loadAuditHead(): Promise<AuditHead>;
  /** How many were removed from the beginning by age, and the hash of the last of them. */
  abstract loadAuditStart(): Promise<AuditHead>;
}
