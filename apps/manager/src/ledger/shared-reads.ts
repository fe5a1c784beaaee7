/**
 * What commands of one commit have read and none of them changes: whom a cluster's purges account for,
 * its schedulers. A delete of ten thousand hosts reads and packs them all; a thousand deletes in one
 * batch need not do so each. Forgotten as soon as any other command than an accept is applied, or one
 * is rolled back. Whom purges account for cannot change meanwhile: another process that enrols a host
 * waits for the head of the purge log, which the first delete of the commit holds. Of the rest, an
 * answer as old as the commit will do.
 */
export class SharedReads {
  private readonly kept = new Map<unknown, Promise<unknown>>();

  /** What `load` gave when it was asked first; `key` names what is read and of which cluster, or is what it is made from. */
  async once<T>(key: string | object, load: () => Promise<T>): Promise<T> {
    let found = this.kept.get(key) as Promise<T> | undefined;
    if (found === undefined) {
      found = load();
      this.kept.set(key, found);
    }
    return found;
  }

  /** Everything has to be read again. */
  forget(): void {
    this.kept.clear();
  }
}
