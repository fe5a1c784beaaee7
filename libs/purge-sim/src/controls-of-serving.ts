/** Weaker variants of serving without a lease, and of what a purge then promises. */

import { HostLease, type Place, changeWaiver } from '@pondhawk/purge';
import { type Control, UNSAFE, control } from './control.js';
import { onlyFaults } from './faults.js';
import { REAL_PARTS, type StartParts } from './parts.js';

/** Hosts that are cut off and restarted while serving without a lease comes and goes. */
const WAIVERS = onlyFaults({ waiver: 0.1, partition: 0.2, hostCrash: 0.1, comeback: 0.05 });
/** Daemons that are cut off while a copy of their folder takes their id. */
const SUPERSEDED = onlyFaults({ waiver: 0.08, clone: 0.15, partition: 0.3, move: 0.1 });
/** Ledgers that forget who was told. */
const WENT_BACK = onlyFaults({ waiver: 0.05, partition: 0.3, restoreLedger: 0.06, clone: 0.1 });
const { isPromised } = REAL_PARTS;

/** A waiver that the next start finds on the disk. */
class KeptWaiver extends HostLease {
  private readonly former: HostLease | undefined;

  constructor({ incarnation, readClocks, rules, former }: StartParts<HostLease>) {
    super(incarnation, readClocks, rules);
    this.former = former;
  }

  override isWaived(host: Place): boolean {
    return super.isWaived(host) || this.former?.isWaived(host) === true;
  }
}

/** @see Control */
export const CONTROLS_OF_SERVING: readonly Control[] = [
  control(
    'serving: allowed before it is recorded who may',
    {
      changeWaiver: (ledger, isGiven) => ({
        ...changeWaiver(ledger, isGiven),
        marks: ledger.marks,
      }),
    },
    UNSAFE,
    WAIVERS,
  ),
  control(
    'serving: who may serve is fenced',
    { servesOn: () => false },
    ['FENCED_BUT_SERVES'],
    WAIVERS,
  ),
  control('serving: guaranteed all the same', { isPromised: () => true }, UNSAFE, SUPERSEDED),
  control(
    'serving: guaranteed again as soon as it is forbidden',
    { isPromised: (facts) => isPromised({ ...facts, waivedDaemons: 0 }) },
    UNSAFE,
    SUPERSEDED,
  ),
  control(
    'serving: a ledger that went back fences those of whom it has no mark',
    { servesOn: ({ isMarked }) => isMarked },
    ['FENCED_BUT_SERVES'],
    WENT_BACK,
  ),
  control(
    'serving: a ledger that went back is not doubted',
    { isPromised: (facts) => isPromised({ ...facts, isWaiverGiven: false }) },
    UNSAFE,
    WENT_BACK,
  ),
  control(
    'serving: by a waiver before what it needs is applied',
    { rules: { mayServeWaived: (waiver) => waiver?.isGiven === true } },
    UNSAFE,
    onlyFaults({ waiver: 0.1, comeback: 0.15, busyDisk: 0.6 }),
  ),
  control(
    'serving: a start keeps the waiver of the one before',
    { newLease: (start) => new KeptWaiver(start) },
    UNSAFE,
    WAIVERS,
  ),
  control(
    'serving: a mark goes by whatever is told',
    { rules: { isWaiverEnded: () => true } },
    UNSAFE,
    WAIVERS,
  ),
  control('serving: never guaranteed', { isPromised: () => false }, ['PROMISE_WITHHELD']),
];
