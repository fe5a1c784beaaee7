import { pondhawkV1 } from '@pondhawk/contracts';
import { callUnary } from '@pondhawk/rpc';
import type { ManagerLink } from '../registration/manager-link.js';

const CALL_TIMEOUT_MS = 5_000;

/** What the fleet asks the manager; a port, so that it can be tried without one. Every call throws UnavailableError (`NOT_REGISTERED`) before the first registration. */
export abstract class ManagerCalls {
  abstract enrol(
    request: Omit<pondhawkV1.EnrolRequest, 'schedulerId' | 'schedulerClusterId'>,
  ): Promise<pondhawkV1.EnrolResponse>;
  abstract getView(schedulerIncarnation: Buffer): Promise<pondhawkV1.GetViewResponse>;
  abstract listPurges(after: number, limit: number): Promise<pondhawkV1.ListPurgesResponse>;
  abstract reportLater(
    request: Pick<pondhawkV1.ReportLaterRequest, 'logEpoch' | 'outcomes'>,
  ): Promise<void>;
  abstract reportProgress(
    request: Pick<pondhawkV1.ReportProgressRequest, 'logEpoch' | 'hosts'>,
  ): Promise<void>;
  abstract reportOtherHistory(
    request: Omit<pondhawkV1.ReportOtherHistoryRequest, 'schedulerClusterId'>,
  ): Promise<pondhawkV1.ReportOtherHistoryResponse>;
}

/** Asks by gRPC. */
export class GrpcManagerCalls extends ManagerCalls {
  constructor(private readonly link: ManagerLink) {
    super();
  }

  async enrol(request: Parameters<ManagerCalls['enrol']>[0]): Promise<pondhawkV1.EnrolResponse> {
    const { schedulerId } = this.link.requireRegistration();
    return callUnary(
      this.link.client,
      pondhawkV1.FleetService.enrol,
      { ...request, schedulerId: BigInt(schedulerId), schedulerClusterId: this.clusterId() },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }

  async getView(schedulerIncarnation: Buffer): Promise<pondhawkV1.GetViewResponse> {
    const { schedulerId } = this.link.requireRegistration();
    return callUnary(
      this.link.client,
      pondhawkV1.FleetService.getView,
      {
        schedulerId: BigInt(schedulerId),
        schedulerClusterId: this.clusterId(),
        schedulerIncarnation,
      },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }

  async listPurges(after: number, limit: number): Promise<pondhawkV1.ListPurgesResponse> {
    return callUnary(
      this.link.client,
      pondhawkV1.FleetService.listPurges,
      { schedulerClusterId: this.clusterId(), after: BigInt(after), limit },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }

  async reportLater(request: Parameters<ManagerCalls['reportLater']>[0]): Promise<void> {
    await callUnary(
      this.link.client,
      pondhawkV1.FleetService.reportLater,
      { ...request, schedulerClusterId: this.clusterId() },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }

  async reportProgress(request: Parameters<ManagerCalls['reportProgress']>[0]): Promise<void> {
    await callUnary(
      this.link.client,
      pondhawkV1.FleetService.reportProgress,
      { ...request, schedulerClusterId: this.clusterId() },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }

  async reportOtherHistory(
    request: Parameters<ManagerCalls['reportOtherHistory']>[0],
  ): Promise<pondhawkV1.ReportOtherHistoryResponse> {
    return callUnary(
      this.link.client,
      pondhawkV1.FleetService.reportOtherHistory,
      { ...request, schedulerClusterId: this.clusterId() },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
  }

  private clusterId(): bigint {
    return BigInt(this.link.requireRegistration().clusterId);
  }
}
