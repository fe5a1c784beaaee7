import { AsyncResource, createHook, executionAsyncId, type AsyncHook } from 'node:async_hooks';

/**
 * Counts the steps of what runs inside `run`: each time an `await` or a `then` of anything that it
 * started, however indirectly, goes on. At one chosen step something is done, in the very moment before it goes on.
 */
export class AsyncSteps {
  private readonly own = new Set<number>(); // Everything that was started.
  private readonly promises = new Set<number>(); // Of these, what can be waited for.
  private readonly hook: AsyncHook;
  private isActing = false;
  /** Steps so far. */
  count = 0;

  /** @param act called once, before step `at` (1 = the first) goes on. */
  constructor(at: number, act: () => void) {
    this.hook = createHook({
      init: (id, type) => {
        if (this.isActing || !this.own.has(executionAsyncId())) return;
        this.own.add(id);
        if (type === 'PROMISE') this.promises.add(id);
      },
      before: (id) => {
        if (!this.promises.has(id)) return;
        this.count += 1;
        if (this.count !== at) return;
        this.isActing = true;
        act();
        this.isActing = false;
      },
    });
  }

  /** Starts to count, and what is counted. */
  run<T>(start: () => T): T {
    this.hook.enable();
    const root = new AsyncResource('AsyncSteps');
    this.own.add(root.asyncId());
    return root.runInAsyncScope(start);
  }

  /** Counts no more. */
  stop(): void {
    this.hook.disable();
  }
}
