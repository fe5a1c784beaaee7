import { pondhawkV1 } from '@pondhawk/contracts';
import { ManualLeaseClocks } from '@pondhawk/core';
import { MemoryLog, Metrics, SystemClock } from '@pondhawk/observability';
import { createClient, GrpcServer } from '@pondhawk/rpc';
import { eventually } from '@pondhawk/testing';
import { registerFleetMetrics } from '../src/fleet/fleet-metrics.js';
import { Fleet } from '../src/fleet/fleet.js';
import { FakeCaller } from './fake-caller.js';
import { FakeHost } from './fake-host.js';
import { FakeManager } from './fake-manager.js';

const WAIT = { timeoutMs: 10_000 };

it('The metrics of a fleet tell the age of its view, leases granted and why others were refused', async () => {
  const manager = new FakeManager();
  const clocks = new ManualLeaseClocks();
  const loop = { onHostLost: () => undefined, apply: () => undefined };
  const log = new MemoryLog();
  const fleet = new Fleet({
    caller: new FakeCaller(),
    manager,
    clocks,
    clock: new SystemClock(),
    log,
    loop,
  });
  const metrics = new Metrics();
  registerFleetMetrics(metrics, fleet);
  const server = new GrpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    onUnexpectedError: ({ error }) => {
      throw error;
    },
  });
  server.addService(pondhawkV1.FleetSyncService, fleet.connections.handlers());
  const client = createClient(`127.0.0.1:${await server.start()}`);
  try {
    expect(await metrics.render()).toContain('pondhawk_scheduler_view_age_seconds +Inf');
    fleet.enrolment.begin();
    const host = await FakeHost.connect(client, 'h1');
    await eventually(() => host.logs.length > 0, WAIT);
    expect(await host.askLease(1)).toMatchObject({ refusal: 'NO_VIEW' });
    fleet.begin();
    await eventually(() => fleet.views.counts.taken > 0, WAIT);
    await fleet.views.stop();
    clocks.advance(1_500);
    expect(await host.askLease(2)).toMatchObject({ refusal: '' });
    const text = await metrics.render();
    expect(text).toContain('pondhawk_scheduler_view_age_seconds 1.5\n');
    expect(text).toMatch(/pondhawk_scheduler_views_total\{outcome="taken"\} [1-9]/);
    expect(text).toContain('pondhawk_scheduler_leases_total 1\n');
    expect(text).toContain('pondhawk_scheduler_lease_refusals_total{reason="NO_VIEW"} 1\n');
    expect(text).toContain('pondhawk_scheduler_lease_refusals_total{reason="VIEW_OLD"} 0\n');
    expect(text).toContain('pondhawk_scheduler_connections 1\n');
  } finally {
    client.close();
    await server.stop(1_000);
    await fleet.stop();
  }
});
