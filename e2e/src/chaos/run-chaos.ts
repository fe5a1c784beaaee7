/** Cycles of one fault, its healing and a check of all that was seen. */

import {
  bindsAll,
  checkHistory,
  eventually,
  type Deletion,
  type StaleServe,
} from '@pondhawk/testing';
import { ChaosCluster } from './chaos-cluster.js';
import { DishonestParent } from './dishonest-parent.js';
import { FAULTS, type FaultParts } from './faults.js';
import { Load } from './load.js';
import { SeededRandom } from './random.js';
import { Recorder } from './recorder.js';
import { failuresOf, type ChaosReport } from './report.js';
import { StampedOrigin } from './stamped-origin.js';

/** What is run. */
export interface ChaosOptions {
  readonly cycles: number;
  /** Chooses faults, hosts and contents. */
  readonly seed: number;
  /** Adds a parent that serves what was purged: then the run has to fail. */
  readonly isDishonest: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** After the fault; far more than leases and reconnections take on a machine with nothing else to do. */
const RECOVERY_MS_MAX = 120_000;
const RECOVERY_LOOK_MS = 100;

/** Runs the cycles on a cluster of its own. @throws Error when the cluster does not come back after a fault. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const origin = new StampedOrigin();
  await origin.start();
  const parent = options.isDishonest ? await DishonestParent.start() : undefined;
  try {
    const cluster = await ChaosCluster.open();
    let keepsFolder = true;
    try {
      const report = await new ChaosRun(options, { cluster, origin, parent }).run();
      keepsFolder = !options.isDishonest && failuresOf(report).length > 0;
      return report;
    } finally {
      if (keepsFolder) options.say(`logs and data of the daemons are kept in ${cluster.dir}`);
      await cluster.close({ keepsFolder });
    }
  } finally {
    await parent?.stop();
    await origin.stop();
  }
}

interface Scene {
  readonly cluster: ChaosCluster;
  readonly origin: StampedOrigin;
  readonly parent: DishonestParent | undefined;
}

/** One run; used once. */
class ChaosRun {
  private readonly recorder = new Recorder();
  private readonly random: SeededRandom;
  private readonly load: Load;
  private readonly faults = new Map<string, number>();
  private readonly stale: StaleServe[] = [];
  private readonly idleCycles: number[] = [];
  private servesChecked = 0;
  private cycles = 0;

  constructor(
    private readonly options: ChaosOptions,
    private readonly scene: Scene,
  ) {
    this.random = new SeededRandom(options.seed);
    const { parent, ...parts } = scene;
    this.load = new Load({
      ...parts,
      recorder: this.recorder,
      random: this.random,
      extraParents: parent === undefined ? [] : [parent],
    });
  }

  async run(): Promise<ChaosReport> {
    await this.recover();
    await this.scene.parent?.take(this.load.contents);
    let deck: string[] = [];
    while (this.cycles < this.options.cycles && !this.options.signal.aborted) {
      // Each kind comes once before any comes again.
      if (deck.length === 0) deck = this.random.shuffle(Object.keys(FAULTS));
      await this.cycle(deck.pop() ?? '');
    }
    return this.report();
  }

  private async cycle(name: string): Promise<void> {
    const startedAtMs = performance.now();
    const deletionsBefore = this.load.deletions.length;
    this.load.start();
    try {
      await FAULTS[name]?.(this.faultParts());
      await this.recover();
      await this.purgeOnce();
    } finally {
      await this.load.stop();
    }
    this.cycles += 1;
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
    this.check(this.load.deletions.slice(deletionsBefore), {
      name,
      tookMs: performance.now() - startedAtMs,
    });
  }

  private check(
    deletions: readonly Deletion[],
    { name, tookMs }: { name: string; tookMs: number },
  ): void {
    const { servesChecked, stale, unknown } = checkHistory({
      originWrites: this.scene.origin.writes,
      deletions: this.load.deletions,
      serves: this.recorder.takeServes(),
    });
    this.servesChecked += servesChecked;
    this.stale.push(...stale);
    for (const { answer } of unknown) {
      this.recorder.fault(`${answer.host} served bytes that the origin never sent.`);
    }
    const binding = deletions.filter((one) => bindsAll(one) || one.clearedHosts.size > 0);
    if (servesChecked === 0 || binding.length === 0) this.idleCycles.push(this.cycles);
    this.options.say(
      `cycle ${this.cycles}: ${name}, ${(tookMs / 1000).toFixed(1)} s, ` +
        `${servesChecked} serves and ${binding.length} purges checked, ${stale.length} stale`,
    );
  }

  /** Everybody is ready, and each host gets a content. */
  private async recover(): Promise<void> {
    const { cluster } = this.scene;
    const content = this.load.any();
    const patience = { timeoutMs: RECOVERY_MS_MAX, intervalMs: RECOVERY_LOOK_MS };
    const back = async (name: string): Promise<unknown> =>
      eventually(async () => {
        if (!(await cluster.isReady(name))) throw new Error(`${name} is not ready.`);
      }, patience);
    await Promise.all(['manager', ...cluster.schedulers, ...cluster.hosts].map(back));
    // Purges go on meanwhile, and may end a download that was asked for.
    const downloads = async (host: string): Promise<unknown> =>
      eventually(async () => {
        const { isWhole } = await this.load.download(host, content);
        if (!isWhole) throw new Error(`${host} does not download.`);
      }, patience);
    await Promise.all(cluster.hosts.map(downloads));
  }

  /** A purge of something that all have, and everybody asked for it at once. */
  private async purgeOnce(): Promise<void> {
    const { cluster, parent } = this.scene;
    const content = this.load.any();
    await Promise.all(cluster.hosts.map(async (host) => this.load.download(host, content)));
    await this.load.purge(content);
    const parents = cluster.hosts.map((host) => this.load.parentOf(host));
    await Promise.all([
      ...[...parents, ...(parent === undefined ? [] : [parent])].map((one) =>
        this.load.askAsStranger(one, content),
      ),
      ...cluster.hosts.map((host) => this.load.download(host, content)),
    ]);
  }

  private faultParts(): FaultParts {
    const { recorder, random, load } = this;
    return { cluster: this.scene.cluster, recorder, random, load };
  }

  private report(): ChaosReport {
    const { cycles, faults, servesChecked, stale, idleCycles } = this;
    return {
      cycles,
      seed: this.options.seed,
      faults,
      servesChecked,
      refusals: this.recorder.refusals,
      slowReaders: this.recorder.slowReaders,
      deletions: this.load.deletions,
      stale,
      broken: this.recorder.broken,
      idleCycles,
    };
  }
}
