import { pondhawkV1, type OrderPayload } from '@pondhawk/contracts';
import { callUnary } from '@pondhawk/rpc';
import type { ManagerLink } from '../registration/manager-link.js';

/** The manager may have to ask a registry for a token, for which it takes 60 s at most. */
const CALL_TIMEOUT_MS = 65_000;

/** Asks what the order of a preheat is about; a port, so that it can be tried without a manager. */
export abstract class PreheatPlans {
  /** @throws NotFoundError (`PREHEAT_NOT_FOUND`) if the attempt is over; UnavailableError if the manager does not answer; of an image also what the registry refuses. */
  abstract load(order: OrderPayload): Promise<pondhawkV1.GetPreheatResponse>;
}

/** Asks by gRPC: URLs and headers may be secret, so they go by no broker. */
export class GrpcPreheatPlans extends PreheatPlans {
  constructor(private readonly link: ManagerLink) {
    super();
  }

  async load({
    order_id,
    attempt,
    scheduler_id,
    args,
  }: OrderPayload): Promise<pondhawkV1.GetPreheatResponse> {
    return callUnary(
      this.link.client,
      pondhawkV1.FleetService.getPreheat,
      {
        orderId: BigInt(order_id),
        attempt,
        schedulerId: BigInt(scheduler_id),
        ticket: args.ticket ?? '',
      },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }
}
