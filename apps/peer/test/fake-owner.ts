import { pondhawkV1, schedulerV2 } from '@pondhawk/contracts';
import { GrpcServer, type ServiceDefinition, type ServiceHandlers } from '@pondhawk/rpc';

/** A scheduler as a host sees it that announces copies to it: remembers what it is told, in order. */
export class FakeOwner {
  /** Task ids of each announcement; `start` where it began anew. */
  readonly told: ('start' | string[])[] = [];
  readonly deleted: string[] = [];
  /** What an announcement waits for before it is answered. */
  held: Promise<void> = Promise.resolve();
  private server!: GrpcServer;

  /** @param port 0 for a free one. */
  static async start(port = 0): Promise<FakeOwner> {
    const owner = new FakeOwner();
    owner.server = new GrpcServer({
      listen: { host: '127.0.0.1', port },
      onUnexpectedError: ({ error }) => {
        throw error;
      },
    });
    owner.server.addService(
      schedulerV2.SchedulerService,
      only(schedulerV2.SchedulerService, {
        announceHost: () => Promise.resolve({}),
        deleteHost: () => Promise.resolve({}),
        deleteTask: ({ taskId }: schedulerV2.DeleteTaskRequest) => {
          owner.deleted.push(taskId);
          return Promise.resolve({});
        },
      }),
    );
    owner.server.addService(
      pondhawkV1.SwarmService,
      only(pondhawkV1.SwarmService, {
        announceCopies: async (request: pondhawkV1.AnnounceCopiesRequest) => {
          if (request.inventoryStart) owner.told.push('start');
          if (request.copies.length > 0) owner.told.push(request.copies.map((one) => one.taskId));
          await owner.held;
          return {};
        },
      }),
    );
    owner.port = await owner.server.start();
    return owner;
  }

  port = 0;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Every task id that was told, as often as it was. */
  get tasks(): string[] {
    return this.told.flatMap((one) => (one === 'start' ? [] : one));
  }

  async stop(): Promise<void> {
    await this.server.stop(0);
  }
}

/** The service with these methods; the others are missing. */
function only<S extends ServiceDefinition>(definition: S, handlers: object): ServiceHandlers<S> {
  const missing = Object.fromEntries(
    Object.keys(definition).map((name) => [
      name,
      async () => Promise.reject(new Error(`${name} is not there.`)),
    ]),
  );
  return { ...missing, ...handlers } as unknown as ServiceHandlers<S>;
}
