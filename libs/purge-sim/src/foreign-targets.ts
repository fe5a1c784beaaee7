import type { PurgeEntry } from '@pondhawk/purge';

/** How a purge ended on one foreign daemon. */
type Outcome = 'pending' | 'answered' | 'failed';

/** What the ledger has of foreign daemons: who is there, and what purges wait for. */
export class ForeignTargets {
  private readonly hosts = new Map<string, { isLost: boolean }>();
  private readonly targets = new Map<PurgeEntry, Map<string, Outcome>>();

  /** A scheduler hears one. */
  heard(name: string): void {
    this.hosts.set(name, { isLost: false });
  }

  /** A scheduler has heard nothing of one for long; another scheduler's next word puts it right. */
  lost(name: string): void {
    const host = this.hosts.get(name);
    if (host !== undefined) host.isLost = true;
  }

  /** How many are or were there. */
  get count(): number {
    return this.hosts.size;
  }

  /** A purge is accepted: whoever is there is its target. */
  accept(entry: PurgeEntry): void {
    const asked = [...this.hosts].filter(([, { isLost }]) => !isLost);
    this.targets.set(entry, new Map(asked.map(([name]) => [name, 'pending'])));
  }

  /** A scheduler reports. An answer stays. */
  take(entry: PurgeEntry, name: string, outcome: 'answered' | 'failed'): void {
    const targets = this.targets.get(entry);
    if (targets?.get(name) === 'pending') targets.set(name, outcome);
  }

  /** Names of those that are waited for. */
  pendingOf(entry: PurgeEntry): readonly string[] {
    const targets = [...(this.targets.get(entry) ?? [])];
    return targets.filter(([, outcome]) => outcome === 'pending').map(([name]) => name);
  }

  /** How it ended on each, by name. */
  outcomesOf(entry: PurgeEntry): ReadonlyMap<string, Outcome> {
    return this.targets.get(entry) ?? new Map<string, Outcome>();
  }
}
