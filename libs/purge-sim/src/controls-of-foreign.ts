/** Weaker variants of what is done about daemons that know no purge log. */

import { type Control, UNSAFE, control } from './control.js';
import { onlyFaults } from './faults.js';
import { REAL_PARTS } from './parts.js';
import type { Invariant } from './truth.js';

/** Such daemons, in a cluster that works well. */
const CALM = onlyFaults({ foreign: 1 });
/** Such daemons, of which some come and go. */
const COMING = onlyFaults({ foreign: 1, foreignCrash: 0.1, partition: 0.1 });
const { isPromised, decideOutcome, placeReport } = REAL_PARTS;
/** Such daemons, orders that come twice, and reports that come again after others. */
const REPORTING = onlyFaults({ foreign: 1, busyLedger: 0.5, twice: 0.2, partition: 0.1 });
/** The same, where they come and go meanwhile. */
const REPORTING_TWICE = onlyFaults({
  foreign: 1,
  foreignCrash: 0.1,
  twice: 0.6,
  late: 0.3,
  busyLedger: 0.3,
});
const LEFT_OUT: readonly Invariant[] = ['FOREIGN_LEFT_OUT', 'FOREIGN_KEEPS'];

/** @see Control */
export const CONTROLS_OF_FOREIGN: readonly Control[] = [
  control(
    'foreign: calls are not repeated',
    { rules: { foreignRepeatAt: () => Infinity } },
    ['FOREIGN_KEEPS'],
    CALM,
  ),
  control(
    'foreign: repeated before others can have been told',
    { rules: { foreignRepeatAt: (nowMs) => nowMs } },
    ['FOREIGN_KEEPS'],
    COMING,
  ),
  control(
    'foreign: nobody looks whether the task is gone',
    { rules: { isStillHeld: () => false } },
    ['FOREIGN_UNNOTICED'],
    onlyFaults({ foreign: 1, foreignLiar: 0.5 }),
  ),
  control(
    'foreign: what it missed is not sent again',
    { rules: { isForeignBehind: () => false } },
    ['FOREIGN_KEEPS'],
    COMING,
  ),
  control(
    'foreign: a call that fails counts as told',
    { rules: { isForeignTold: () => true } },
    ['FOREIGN_KEEPS'],
    onlyFaults({ foreign: 1, foreignCrash: 0.1, partition: 0.3, loss: 0.2 }),
  ),
  control(
    'foreign: one that is not known yet counts as told of all',
    { rules: { foreignStart: (log) => log.head } },
    ['FOREIGN_KEEPS'],
    COMING,
  ),
  control(
    'foreign: "not found" taken for a failure',
    { rules: { saysAbsent: () => false } },
    ['FOREIGN_FAILED'],
    CALM,
  ),
  control(
    'jobs: a SUCCESS with targets that have failed',
    {
      decideOutcome: (tally) => {
        const clusters = tally.clusters.map((cluster) => {
          const { failed, absent } = cluster.counts;
          return { ...cluster, counts: { ...cluster.counts, failed: 0, absent: absent + failed } };
        });
        return decideOutcome({ ...tally, clusters });
      },
    },
    ['FOREIGN_KEEPS'],
    COMING,
  ),
  control(
    'jobs: an order that the broker lost is not sent again',
    { orderAgainMs: Infinity },
    ['JOB_NOT_ENDED'],
    onlyFaults({ foreign: 1, brokerWipe: 0.3, schedulerCrash: 0.1 }),
  ),
  control(
    'reports: recorded in whatever order they come in',
    { placeReport: () => 'next' },
    LEFT_OUT,
    REPORTING,
  ),
  control(
    'reports: a later one is taken although one before it is away',
    {
      placeReport: (report, recorded) => {
        const placing = placeReport(report, recorded);
        return placing === 'early' ? 'next' : placing;
      },
    },
    LEFT_OUT,
    REPORTING,
  ),
  control(
    'reports: of a former run taken for those of the present one',
    {
      placeReport: (report, { last, isOrderEnded }) =>
        placeReport(
          { ...report, runStartedAtMs: 1 },
          { last: { ...last, runStartedAtMs: 1 }, isOrderEnded },
        ),
    },
    LEFT_OUT,
    REPORTING_TWICE,
  ),
  control('foreign: parents of our hosts without the setting', { maySupply: () => true }, [
    'FOREIGN_SUPPLIES',
  ]),
  control(
    'foreign: guaranteed all the same',
    { isPromised: (facts) => isPromised({ ...facts, foreignHosts: 0 }) },
    ['FOREIGN_PROMISED'],
  ),
  control(
    'foreign: guaranteed although they may be parents',
    { isPromised: (facts) => isPromised({ ...facts, allowsForeignParents: false }) },
    ['FOREIGN_PROMISED', ...UNSAFE],
    onlyFaults({ foreign: 1, foreignParents: 1 }),
  ),
];
