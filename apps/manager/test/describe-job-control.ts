import type { Ledger } from '../src/ledger/index.js';
import { describeCancel } from './describe-cancel.js';
import { describeDryRun } from './describe-dry-run.js';
import { describeRetry } from './describe-retry.js';
import { describeVerification } from './describe-verification.js';

/** What every ledger must do with what may be asked of a job, whichever database it lies in. */
export function describeJobControl(get: () => Ledger): void {
  describeCancel(get);
  describeDryRun(get);
  describeRetry(get);
  describeVerification(get);
}
