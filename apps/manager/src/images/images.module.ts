import { Module } from '@nestjs/common';
import { AddressGuard, GuardedFetcher, loadRoots } from '@pondhawk/origin';
import { ManagerConfig } from '../config/manager.config.js';
import { ImageResolver } from './image-resolver.js';

/** The way to registries. */
@Module({
  providers: [
    {
      provide: GuardedFetcher,
      useFactory: ({ origin }: ManagerConfig) =>
        new GuardedFetcher({
          guard: new AddressGuard(origin.allow),
          timeoutMs: origin.timeoutMs,
          maxRedirects: origin.maxRedirects,
          roots: loadRoots(origin.caFile),
        }),
      inject: [ManagerConfig],
    },
    {
      provide: ImageResolver,
      useFactory: (fetcher: GuardedFetcher) => new ImageResolver(fetcher),
      inject: [GuardedFetcher],
    },
  ],
  exports: [ImageResolver],
})
export class ImagesModule {
  constructor(private readonly fetcher: GuardedFetcher) {}

  /** Drops the connections to registries. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.fetcher.stop();
  }
}
