import type { commonV2 } from '@pondhawk/contracts';
import { HostCaller, type HostAnswer, type HostQuestion } from '../src/orders/host-caller.js';

/** Hosts that answer calls as a test says; until then they have nothing. */
export class FakeCaller extends HostCaller {
  /** Calls made, as `host type task`. */
  readonly calls: string[] = [];
  answer: (host: string, question: HostQuestion) => HostAnswer = () => ({ outcome: 'absent' });

  override ask({ id }: commonV2.Host, question: HostQuestion): Promise<HostAnswer> {
    this.calls.push(`${id} ${question.type} ${question.taskId.slice(0, 1)}`);
    return Promise.resolve(this.answer(id, question));
  }
}
