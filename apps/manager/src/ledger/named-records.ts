/** Rows that are kept for others: the ledger knows their kind, their name and whose they are. */

/** What is kept of each kind. */
export interface NamedFacts {
  readonly config: { readonly value: string; readonly bio: string; readonly userId: number };
  readonly application: {
    readonly url: string;
    readonly bio: string;
    readonly priority: Readonly<Record<string, unknown>>;
    readonly userId: number;
  };
  readonly 'oauth provider': {
    readonly bio: string;
    readonly clientId: string;
    /** Sealed: the ledger alone does not tell it. */
    readonly clientSecret: string;
    readonly redirectUrl: string;
    readonly issuer: string;
  };
}

/** A kind of row. */
export type NamedKind = keyof NamedFacts;

/** One row; names are unique within a kind. */
export interface NamedRecord<K extends NamedKind = NamedKind> {
  readonly id: number;
  readonly name: string;
  readonly facts: NamedFacts[K];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Rows of one kind; more are refused, because lists are read whole. */
export const NAMED_RECORDS_MAX = 10_000;
/** The config that says how long jobs and audits are kept; always there, and the first. */
export const GC_CONFIG_NAME = 'gc';

/** A row to make; a `userId` in its facts must be somebody's. */
export interface CreateNamed {
  readonly atMs: number;
  readonly kind: NamedKind;
  readonly name: string;
  readonly facts: NamedFacts[NamedKind];
}

/** What is to change of a row; what is absent stays. */
export interface UpdateNamed {
  readonly atMs: number;
  readonly kind: NamedKind;
  readonly recordId: number;
  readonly name?: string;
  readonly facts: Partial<NamedFacts[NamedKind]>;
}

/** Each command by name. */
export interface NamedRecordCommands {
  /**
   * @throws NotFoundError (`USER_NOT_FOUND`).
   * @throws ConflictError (`NAME_TAKEN`, `TOO_MANY_RECORDS`).
   */
  readonly 'create-named': {
    readonly input: CreateNamed;
    readonly result: { readonly id: number };
  };
  /**
   * @throws NotFoundError (`RECORD_NOT_FOUND`, `USER_NOT_FOUND`).
   * @throws ConflictError (`NAME_TAKEN`; `CONFIG_BUILT_IN` for another name of the built-in one).
   */
  readonly 'update-named': { readonly input: UpdateNamed; readonly result: undefined };
  /**
   * @throws NotFoundError (`RECORD_NOT_FOUND`).
   * @throws ConflictError (`CONFIG_BUILT_IN`).
   */
  readonly 'delete-named': {
    readonly input: { readonly atMs: number; readonly kind: NamedKind; readonly recordId: number };
    readonly result: undefined;
  };
}
