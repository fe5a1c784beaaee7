import type { NamedRecord } from '../ledger/index.js';
import { TTL_MS_MAX, TTL_MS_MIN, agesOf, writeAges } from './retention-ages.js';

const SETTINGS = { jobAgeMsMax: 1, auditAgeMsMax: 2 };
const aConfig = (name: string, value: string): NamedRecord<'config'> => ({
  ...{ id: 1, name, createdAtMs: 0, updatedAtMs: 0, facts: { value, bio: '', userId: 0 } },
});

describe('how long things are kept', () => {
  it('is what the settings say, until the config gc says otherwise', () => {
    const ages = { jobAgeMsMax: TTL_MS_MIN, auditAgeMsMax: TTL_MS_MAX };
    expect(agesOf([], SETTINGS)).toBe(SETTINGS);
    expect(agesOf([aConfig('gc', '')], SETTINGS)).toBe(SETTINGS);
    expect(agesOf([aConfig('other', writeAges(ages)), aConfig('gc', '')], SETTINGS)).toBe(SETTINGS);
    expect(agesOf([aConfig('gc', writeAges(ages))], SETTINGS)).toEqual(ages);
  });
});
