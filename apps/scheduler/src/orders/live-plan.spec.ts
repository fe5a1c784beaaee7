import { commonV2, type pondhawkV1 } from '@pondhawk/contracts';
import { ManualClock, UnavailableError } from '@pondhawk/core';
import { MemoryLog } from '@pondhawk/observability';
import { LivePlan } from './live-plan.js';

const TASK = { taskId: 'a'.repeat(64), url: 'http://origin/a', digest: 'sha256:aa' };

function aPlan(token: string, goodForMs: number): pondhawkV1.GetPreheatResponse {
  const download = commonV2.Download.create({ requestHeader: { authorization: token } });
  return { tasks: [TASK], download, singleSeed: false, concurrentTaskCount: 1, goodForMs };
}

describe('LivePlan', () => {
  const clock = new ManualClock(0);
  const log = new MemoryLog();
  let loads: number;
  const live = (goodForMs: number, load = () => Promise.resolve(aPlan(`t${loads}`, goodForMs))) => {
    loads = 0;
    const counted = () => ((loads += 1), load());
    return new LivePlan(aPlan('t0', goodForMs), { clock, log, load: counted });
  };
  const tokenOf = async (plan: LivePlan) =>
    (await plan.downloadOf(TASK)).requestHeader['authorization'];

  it('tells each task its URL and digest', async () => {
    expect(await live(0).downloadOf(TASK)).toMatchObject({ url: TASK.url, digest: TASK.digest });
  });

  it('asks for headers again once they are too old, once for all that wait', async () => {
    const plan = live(60_000);
    clock.advance(59_999);
    expect([await tokenOf(plan), loads]).toEqual(['t0', 0]);
    clock.advance(1);
    const tokens = await Promise.all([tokenOf(plan), tokenOf(plan), tokenOf(plan)]);
    expect([tokens, loads]).toEqual([['t1', 't1', 't1'], 1]);
    expect([await tokenOf(plan), loads]).toEqual(['t1', 1]);
  });

  it('never asks for those that last', async () => {
    const plan = live(0);
    clock.advance(10_000_000);
    expect([await tokenOf(plan), loads]).toEqual(['t0', 0]);
  });

  it('goes on with the former ones, and says so, if none come', async () => {
    const away = () => Promise.reject(new UnavailableError('UNAVAILABLE', 'away'));
    const plan = live(1_000, away);
    clock.advance(1_000);
    expect([await tokenOf(plan), loads]).toEqual(['t0', 1]);
    expect(log.withMessage('the headers of a preheat were not renewed')).toHaveLength(1);
  });
});
