import {
  AUDIT_CHAIN_START,
  AUDIT_LOG_EMPTY,
  auditHash,
  verifyAudits,
  type ChainedAudit,
} from './audit-chain.js';

function aLog(length: number): ChainedAudit[] {
  const log: ChainedAudit[] = [];
  for (let id = 1; id <= length; id += 1) {
    const facts = {
      id,
      operatedAtMs: 1_760_000_000_000 + id,
      actorType: 'USER',
      actorName: 'root',
      remoteIp: '127.0.0.1',
      operation: 'POST',
      path: '/api/v1/jobs',
      object: 'jobs',
      selector: `task ${id}`,
      state: 'SUCCESS',
      statusCode: 200,
      result: '',
    };
    log.push({ ...facts, hash: auditHash(log.at(-1)?.hash ?? AUDIT_CHAIN_START, facts) });
  }
  return log;
}

describe('verifyAudits', () => {
  it('follows a whole log to its end, also in pages', () => {
    const log = aLog(9);
    const first = verifyAudits(AUDIT_LOG_EMPTY, log.slice(0, 4));
    if (!('head' in first)) throw new Error('the first page has a fault');
    expect(verifyAudits(first.head, log.slice(4))).toEqual({
      head: { count: 9, hash: log[8]?.hash },
    });
  });

  it.each(Object.keys(aLog(1)[0]!).filter((key) => key !== 'id'))(
    'finds an entry whose %s was changed by hand',
    (key) => {
      const log = aLog(5).map((audit) => (audit.id === 3 ? { ...audit, [key]: 'x' } : audit));
      expect(verifyAudits(AUDIT_LOG_EMPTY, log)).toEqual({ id: 3, fault: 'changed' });
    },
  );

  it('finds an entry that was taken out, one put in twice, and a chain made anew from the middle', () => {
    const log = aLog(5);
    const without = log.filter(({ id }) => id !== 2);
    expect(verifyAudits(AUDIT_LOG_EMPTY, without)).toEqual({ id: 2, fault: 'missing' });
    const twice = [log[0]!, log[0]!];
    expect(verifyAudits(AUDIT_LOG_EMPTY, twice)).toEqual({ id: 1, fault: 'out-of-order' });
    const forged = { ...log[2]!, actorName: 'nobody' };
    const hash = auditHash(log[1]!.hash, forged);
    expect(verifyAudits(AUDIT_LOG_EMPTY, [log[0]!, log[1]!, { ...forged, hash }, log[3]!])).toEqual(
      { id: 4, fault: 'changed' },
    );
  });
});
