import type { Ledger } from '../src/ledger/index.js';
import { describeCancel } from './describe-cancel.js';
import { describeDryRun } from './describe-dry-run.js';
import { describeLateAnswers } from './describe-late-answers.js';
import { describeRetry } from './describe-retry.js';
import { describeSyncPeers } from './describe-sync-peers.js';
import { describeVerification } from './describe-verification.js';

/** What every ledger must do with what may be asked of a job, whichever database it lies in. */
export function describeJobControl(get: () => Ledger): void {
  describeCancel(get);
  describeDryRun(get);
  describeLateAnswers(get);
  describeRetry(get);
  describeSyncPeers(get);
  describeVerification(get);
}
