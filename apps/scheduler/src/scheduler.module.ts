/** The composition root: which part is built from which. */

import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { SystemClock, SystemLeaseClocks, Log, Metrics } from '@pondhawk/observability';
import { Clock, Faults } from '@pondhawk/core';
import { BrokerConnection, Publisher } from '@pondhawk/messaging';
import { ChannelPool } from '@pondhawk/rpc';
import { DEFAULT_SWARM_LIMITS, Swarm } from '@pondhawk/swarm';
import { faultsFromEnv } from '@pondhawk/config';
import { GrpcSeedCaller } from './announcing/grpc-seed-caller.js';
import { SwarmLoop } from './announcing/swarm-loop.js';
import { Fleet } from './fleet/fleet.js';
import { GrpcManagerCalls } from './fleet/manager-calls.js';
import { GrpcHostCaller, HostCaller } from './orders/host-caller.js';
import { StrangerVerifier } from './verification/host-verifier.js';
import { OrderCancels } from './orders/order-cancels.js';
import { OrderExecutor } from './orders/order-executor.js';
import { OrderTransport } from './orders/order-strategy.js';
import { OrderSubscriber } from './orders/order.subscriber.js';
import { GrpcPreheatCaller } from './orders/preheat-caller.js';
import { PreheatExecutor } from './orders/preheat-executor.js';
import { GrpcPreheatPlans } from './orders/preheat-plans.js';
import { ReportSenders } from './orders/report-senders.js';
import { PeersSync } from './orders/peers-sync.js';
import { ManagerLink } from './registration/manager-link.js';
import { SchedulerConfig } from './scheduler.config.js';
import { SchedulerListeners } from './scheduler-listeners.js';

const PROVIDERS: Provider[] = [
  { provide: Clock, useClass: SystemClock },
  { provide: Faults, useFactory: () => faultsFromEnv() },
  {
    provide: Metrics,
    useFactory: () => {
      const metrics = new Metrics();
      metrics.collectDefaults();
      return metrics;
    },
  },
  { provide: ChannelPool, useFactory: (clock: Clock) => new ChannelPool(clock), inject: [Clock] },
  {
    provide: SwarmLoop,
    useFactory: (link: ManagerLink, clock: Clock, log: Log, channels: ChannelPool) =>
      new SwarmLoop({
        swarm: new Swarm({
          random: Math.random,
          limits: () => ({ ...DEFAULT_SWARM_LIMITS, ...link.limits }),
        }),
        clock,
        log,
        seeds: new GrpcSeedCaller(channels),
      }),
    inject: [ManagerLink, Clock, Log, ChannelPool],
  },
  {
    provide: Fleet,
    useFactory: (
      link: ManagerLink,
      loop: SwarmLoop,
      caller: HostCaller,
      clock: Clock,
      log: Log,
    ) => {
      const manager = new GrpcManagerCalls(link);
      const clocks = new SystemLeaseClocks();
      const fleet = new Fleet({ manager, loop, caller, clock, clocks, log });
      fleet.onForeignParents((allowsForeignParents) => {
        link.limits = { ...link.limits, allowsForeignParents };
      });
      link.onRegistered(() => fleet.begin());
      return fleet;
    },
    inject: [ManagerLink, SwarmLoop, HostCaller, Clock, Log],
  },
  {
    provide: HostCaller,
    useFactory: (channels: ChannelPool, config: SchedulerConfig) =>
      new GrpcHostCaller(channels, config.host.ip),
    inject: [ChannelPool, SchedulerConfig],
  },
  { provide: OrderCancels, useFactory: () => new OrderCancels() },
  {
    provide: OrderExecutor,
    // Composition root.
    // eslint-disable-next-line max-params
    useFactory: (
      loop: SwarmLoop,
      fleet: Fleet,
      caller: HostCaller,
      clock: Clock,
      faults: Faults,
      log: Log,
      cancels: OrderCancels,
      channels: ChannelPool,
    ) => {
      const { connections, holders, feed } = fleet;
      const verifier = new StrangerVerifier(channels, feed);
      const parts = { loop, holders, connections, feed, caller, cancels, clock, faults, log };
      return new OrderExecutor({ ...parts, verifier, random: Math.random });
    },
    inject: [SwarmLoop, Fleet, HostCaller, Clock, Faults, Log, OrderCancels, ChannelPool],
  },
  {
    provide: PreheatExecutor,
    // Composition root.
    // eslint-disable-next-line max-params
    useFactory: (
      loop: SwarmLoop,
      link: ManagerLink,
      channels: ChannelPool,
      cancels: OrderCancels,
      clock: Clock,
      faults: Faults,
      log: Log,
    ) => {
      const plans = new GrpcPreheatPlans(link);
      const caller = new GrpcPreheatCaller(channels);
      const parts = { loop, plans, caller, cancels, clock, faults, log };
      return new PreheatExecutor({ ...parts, random: Math.random });
    },
    inject: [SwarmLoop, ManagerLink, ChannelPool, OrderCancels, Clock, Faults, Log],
  },
  {
    provide: PeersSync,
    useFactory: (fleet: Fleet, cancels: OrderCancels, clock: Clock, faults: Faults) =>
      new PeersSync({ fleet, cancels, clock, faults }),
    inject: [Fleet, OrderCancels, Clock, Faults],
  },
  {
    provide: ReportSenders,
    useFactory: (connection: BrokerConnection, link: ManagerLink, clock: Clock) =>
      new ReportSenders(new Publisher(connection), link, clock),
    inject: [BrokerConnection, ManagerLink, Clock],
  },
  SchedulerListeners,
];

/** Everything a scheduler is made of. */
@Module({})
export class SchedulerModule {
  /** The module of one daemon with these settings. */
  static of(config: SchedulerConfig, transport: OrderTransport): DynamicModule {
    return {
      module: SchedulerModule,
      controllers: [OrderSubscriber],
      providers: [
        { provide: SchedulerConfig, useValue: config },
        { provide: OrderTransport, useValue: transport },
        { provide: Log, useValue: transport.log },
        { provide: ManagerLink, useValue: transport.link },
        { provide: BrokerConnection, useValue: transport.connection },
        ...PROVIDERS,
      ],
    };
  }
}
