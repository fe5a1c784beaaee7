import { OrderPayload, packHosts, toHostRecord, commonV2 } from '@pondhawk/contracts';
import type { HostAnswer } from './host-caller.js';
import { answerOfMeant, findOrderHosts, speaksFor, type OrderHost } from './order-hosts.js';

const MEANT = { incarnation: 'a1'.repeat(16), lock: 'cc'.repeat(16) };
const NEXT_START = { incarnation: 'a2'.repeat(16), lock: MEANT.lock };
const CLONE = { incarnation: 'a3'.repeat(16), lock: 'dd'.repeat(16) };

function hostOf(daemon: { incarnation: string; lock: string } | undefined): OrderHost {
  const host = commonV2.Host.fromPartial({ id: '10.0.0.1-h', hostname: 'h', ip: '10.0.0.1' });
  const { incarnation, lock: folder_lock } = daemon ?? {};
  const record = Object.assign(toHostRecord(host), daemon && { incarnation, folder_lock });
  const order = Object.assign(new OrderPayload(), {
    ...{ scheduler_cluster_id: 1, scheduler_id: 1, schedulers: [{ id: 1 }] },
    hosts: packHosts([JSON.stringify(record)]),
  });
  // Announced as well: what the ledger says of the daemon holds.
  const [found] = findOrderHosts(order, new Map([[host.id as never, host]]));
  return found!;
}

const deleted = (speaker?: typeof MEANT): HostAnswer => ({
  ...{ outcome: 'deleted', deletedBytes: 5 },
  speaker,
});

describe('The daemon that an order means', () => {
  it.each([
    ['itself', MEANT, true],
    ['the next start on its data folder', NEXT_START, true],
    ['a daemon with another data folder', CLONE, false],
    ['one that does not say who it is', { incarnation: '', lock: '' }, false],
  ])('is answered for by %s or not', (_name, speaker, isCounted) => {
    const host = hostOf(MEANT);
    expect(speaksFor(host, speaker)).toBe(isCounted);
    const answer = answerOfMeant(host, deleted(speaker));
    expect(answer.outcome).toBe(isCounted ? 'deleted' : 'failed');
    if (answer.outcome === 'failed') expect(answer.code).toBe('OTHER_DAEMON');
  });

  it('is not answered for by a foreign daemon under its id', () => {
    expect(answerOfMeant(hostOf(MEANT), deleted())).toMatchObject({ code: 'OTHER_DAEMON' });
  });

  it('is whoever answers where the ledger names none', () => {
    const host = hostOf(undefined);
    for (const speaker of [MEANT, CLONE, undefined]) {
      expect(answerOfMeant(host, deleted(speaker))).toMatchObject({ outcome: 'deleted' });
    }
  });

  it('without a lock is itself alone', () => {
    const host = hostOf({ ...MEANT, lock: '' });
    expect(speaksFor(host, { ...NEXT_START, lock: '' })).toBe(false);
    expect(speaksFor(host, MEANT)).toBe(true);
  });
});
