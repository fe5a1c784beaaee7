import type { IdentityReader } from '../ledger/index.js';
import { invalidField } from '../rest-edge/field-reader.js';

/** Whose a job is. */
export class JobUsers {
  constructor(private readonly reader: IdentityReader) {}

  /**
   * The user a job was ordered for: the named one, or the caller.
   *
   * @throws InvalidArgumentError (`INVALID_FIELD`) for one that does not exist.
   */
  async requireId(named: number, caller: number): Promise<number> {
    if (named === 0 || named === caller) return caller;
    if ((await this.reader.findUser(named)) !== undefined) return named;
    throw invalidField('user_id', 'must be the id of a user, or 0 for yourself');
  }
}
