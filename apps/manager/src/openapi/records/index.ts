/** All records that are answered, by the names that the document gives them. */

import { FLEET_RECORDS } from './fleet-records.js';
import { IDENTITY_RECORDS } from './identity-records.js';
import { JOB_RECORDS } from './job-records.js';
import { SETTING_RECORDS } from './setting-records.js';

/** By name. */
export const RECORDS = {
  ...IDENTITY_RECORDS,
  ...FLEET_RECORDS,
  ...SETTING_RECORDS,
  ...JOB_RECORDS,
};

/** Name of a record. */
export type RecordName = keyof typeof RECORDS;
