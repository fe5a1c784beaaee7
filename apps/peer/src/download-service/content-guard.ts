import { toError } from '@pondhawk/core';
import type { AnswerGuard } from '@pondhawk/rpc';
import { type ServingGate, leaseLost } from '../lease/index.js';

/** R3 for one answer: its bytes leave from a copy that is not purged, while the gate is open. */
export function contentGuard(gate: ServingGate, purged: AbortSignal): AnswerGuard {
  return {
    check: () => {
      purged.throwIfAborted();
      gate.require();
    },
    onRevoked: (withhold) => {
      const onPurged = (): void => withhold(toError(purged.reason));
      purged.addEventListener('abort', onPurged);
      const unlisten = gate.onClosed(() => withhold(leaseLost()));
      return () => {
        purged.removeEventListener('abort', onPurged);
        unlisten();
      };
    },
  };
}
