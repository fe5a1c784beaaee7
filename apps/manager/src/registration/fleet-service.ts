import type { pondhawkV1 } from '@pondhawk/contracts';
import type { ServiceHandlers } from '@pondhawk/rpc';
import type { LedgerReader } from '../ledger/index.js';

type Handlers = ServiceHandlers<typeof pondhawkV1.FleetService>;

/** `pondhawk.v1.Fleet`: what only our own schedulers ask. */
export class FleetService implements Handlers {
  constructor(private readonly reader: LedgerReader) {}

  /** Under which names orders and reports travel. */
  async getBroker(): Promise<pondhawkV1.GetBrokerResponse> {
    return { epoch: await this.reader.loadBrokerEpoch() };
  }
}
