import * as copies from './copy-rules.js';
import * as fences from './fence-rules.js';
import * as foreign from './foreign-rules.js';
import * as grants from './grant-rules.js';
import * as leases from './lease-rules.js';
import * as waivers from './waiver-rules.js';

/** Every rule as a function, so that a test can put a weaker one in its place. */
export const PURGE_RULES = {
  filledAtOf: copies.filledAtOf,
  isNextEntry: copies.isNextEntry,
  isPurgedBy: copies.isPurgedBy,
  answerToChild: copies.answerToChild,
  fillOfPiece: copies.fillOfPiece,
  mayComplete: copies.mayComplete,
  mayWriteChunk: copies.mayWriteChunk,
  mustDropAll: copies.mustDropAll,
  isDroppedByReset: copies.isDroppedByReset,
  answeredNumber: copies.answeredNumber,
  leaseStart: leases.leaseStart,
  isLeaseOver: leases.isLeaseOver,
  isGrantMet: leases.isGrantMet,
  viewStart: grants.viewStart,
  isNewerView: grants.isNewerView,
  isViewFresh: grants.isViewFresh,
  grantRefusal: grants.grantRefusal,
  neededBy: grants.neededBy,
  grantedWaiver: waivers.grantedWaiver,
  heldWaiver: waivers.heldWaiver,
  mayServeWaived: waivers.mayServeWaived,
  isWaiverEnded: waivers.isWaiverEnded,
  countsAsLeased: fences.countsAsLeased,
  isCautious: fences.isCautious,
  isBoundOver: fences.isBoundOver,
  standsFor: fences.standsFor,
  mustRenewEpoch: fences.mustRenewEpoch,
  saysAbsent: foreign.saysAbsent,
  isForeignBehind: foreign.isForeignBehind,
  isForeignTold: foreign.isForeignTold,
  foreignRepeatAt: foreign.foreignRepeatAt,
  isStillHeld: foreign.isStillHeld,
  foreignStart: foreign.foreignStart,
};

/** @see PURGE_RULES */
export type PurgeRules = typeof PURGE_RULES;
