import { NotFoundError } from '@pondhawk/core';
import type { pondhawkV1 } from '@pondhawk/contracts';
import { taskIdOfUrl } from '@pondhawk/pieces';
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ImageResolver, ResolvedImage } from '../images/image-resolver.js';
import { pinnedUrl } from '../images/image-url.js';
import type { AcceptJob, LedgerReader } from '../ledger/index.js';
import { openSecret, sealSecret } from '../named-records/sealed-secret.js';
import type { PreheatRequest } from './preheat-args.js';
import { type PlannedImage, type PreheatPlan, toPreheatResponse } from './preheat-plan.js';

const TICKET_BYTES = 16;

/** What plans are made with. */
export interface PreheatPlannerParts {
  readonly resolver: ImageResolver;
  readonly reader: LedgerReader;
  /** 32 bytes: seals what of jobs may be secret. */
  readonly sealKey: Buffer;
}

/** Makes plans of preheats and seals them, and tells them to who carries them out. */
export class PreheatPlanner {
  constructor(private readonly parts: PreheatPlannerParts) {}

  /**
   * What the ledger is told of a preheat. Of an image, the registry is asked what it consists of; that it
   * can be read is known before there is a job.
   *
   * @throws what `ImageResolver.resolve` does.
   */
  async plan(
    request: PreheatRequest,
    shown: AcceptJob['args'],
  ): Promise<Pick<AcceptJob, 'args' | 'orderArgs' | 'sealed'>> {
    const { plan, found } = await this.complete(request.plan);
    const taskIds = plan.tasks.map(({ taskId }) => taskId);
    const ticket = randomBytes(TICKET_BYTES).toString('hex');
    return {
      args: { ...shown, ...found, task_ids: taskIds },
      orderArgs: { ticket, task_ids: taskIds, ...request.rule },
      sealed: sealSecret(this.parts.sealKey, JSON.stringify(plan)),
    };
  }

  /**
   * The plan of an attempt that is under way, with headers that are good now.
   *
   * @throws NotFoundError (`PREHEAT_NOT_FOUND`) to whoever does not carry it out.
   * @throws DataCorruptionError (`SECRET_UNREADABLE`), or what `ImageResolver.resolve` does.
   */
  async tell(
    request: pondhawkV1.GetPreheatRequest,
    signal: AbortSignal,
  ): Promise<pondhawkV1.GetPreheatResponse> {
    const order = await this.parts.reader.findSealedOrder(Number(request.orderId));
    const isIts =
      order?.attempt === request.attempt &&
      order.schedulerId === Number(request.schedulerId) &&
      isSame(order.ticket, request.ticket);
    if (order === undefined || !isIts) {
      throw new NotFoundError(
        'PREHEAT_NOT_FOUND',
        `Attempt ${request.attempt} of order ${request.orderId} is no preheat that is under way.`,
      );
    }
    const plan = JSON.parse(openSecret(this.parts.sealKey, order.sealed)) as PreheatPlan;
    if (plan.image === undefined) return toPreheatResponse(plan);
    const { headers } = await this.resolve(plan.image, plan.headers, signal);
    return toPreheatResponse(plan, headers);
  }

  /** With the tasks of the image, and what of it is shown. */
  private async complete(
    plan: PreheatPlan,
  ): Promise<{ readonly plan: PreheatPlan; readonly found: object }> {
    const { image } = plan;
    if (image === undefined) return { plan, found: {} };
    const resolved = await this.resolve(image, plan.headers);
    const naming = {
      ...(plan.tag === '' ? {} : { tag: plan.tag }),
      ...(plan.application === '' ? {} : { application: plan.application }),
      pieceLengthBytes: plan.pieceLength,
      ...(plan.filteredQueryParams.length === 0
        ? {}
        : { filteredQueryParams: plan.filteredQueryParams }),
    };
    const tasks = resolved.blobs.map(({ url, digest }) => {
      return { taskId: taskIdOfUrl({ url, ...naming }), url, digest };
    });
    return {
      plan: { ...plan, tasks, image: { ...image, url: pinnedUrl(image.url, resolved.digest) } },
      found: { urls: tasks.map(({ url }) => url), image_digest: resolved.digest },
    };
  }

  /** Without a signal it takes as long as the resolver lets it: the order does not end with its caller. */
  private resolve(
    image: PlannedImage,
    headers: PreheatPlan['headers'],
    signal = new AbortController().signal,
  ): Promise<ResolvedImage> {
    return this.parts.resolver.resolve({ ...image, headers, signal });
  }
}

/** Takes the same time however much of it is right. */
function isSame(secret: string, shown: string): boolean {
  const [left, right] = [Buffer.from(secret), Buffer.from(shown)];
  return left.length === right.length && timingSafeEqual(left, right);
}
