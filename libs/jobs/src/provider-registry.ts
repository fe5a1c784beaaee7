import { ConfigError, InvalidArgumentError } from '@pondhawk/core';

/** What carries out the jobs of one namespace (the wire type of a job). */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- set by implementers
export abstract class JobProvider<Order, Report> {
  abstract readonly namespace: string;
  /**
   * Carries out one order and yields reports as they come, the last one marked as such by the
   * provider. Called again for the same order after a crash, so it must be idempotent.
   *
   * @param signal aborted when the order's deadline passes or the daemon stops.
   */
  abstract start(order: Order, signal: AbortSignal): AsyncIterable<Report>;
}

/** The provider of each namespace. Checked once, at start. */
export class ProviderRegistry<P extends { readonly namespace: string }> {
  private readonly byNamespace: ReadonlyMap<string, P>;

  /**
   * @param namespaces every namespace that must be served.
   * @throws ConfigError (`JOB_PROVIDER_MISSING`) for a namespace without a provider,
   *   (`JOB_PROVIDER_AMBIGUOUS`) for one with two, or for a provider of no known namespace.
   */
  constructor(providers: readonly P[], namespaces: readonly string[]) {
    for (const namespace of namespaces) requireOne(providers, namespace);
    for (const { namespace } of providers) {
      if (namespaces.includes(namespace)) continue;
      throw new ConfigError(
        'JOB_PROVIDER_AMBIGUOUS',
        `The provider of "${namespace}" serves no known job type.`,
      );
    }
    this.byNamespace = new Map(providers.map((provider) => [provider.namespace, provider]));
  }

  /** @throws InvalidArgumentError (`UNKNOWN_JOB_TYPE`) for a namespace that nobody serves. */
  require(namespace: string): P {
    const provider = this.byNamespace.get(namespace);
    if (provider === undefined) {
      throw new InvalidArgumentError('UNKNOWN_JOB_TYPE', 'type is none that this program knows.', {
        details: { field: 'type' },
      });
    }
    return provider;
  }
}

function requireOne(providers: readonly { readonly namespace: string }[], namespace: string): void {
  const count = providers.filter((provider) => provider.namespace === namespace).length;
  if (count === 1) return;
  throw new ConfigError(
    count === 0 ? 'JOB_PROVIDER_MISSING' : 'JOB_PROVIDER_AMBIGUOUS',
    `Job type "${namespace}" has ${count} providers and needs exactly one.`,
  );
}
