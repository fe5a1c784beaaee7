/** What a preheat fetches and how: sealed in the ledger, told to the scheduler that carries it out. */

import { commonV2, type pondhawkV1 } from '@pondhawk/contracts';

/** Credentials of registries mostly last some minutes: what is older is fetched anew. */
export const IMAGE_HEADERS_GOOD_MS = 60_000;

/** One content to fetch. */
export interface PlannedTask {
  readonly taskId: string;
  readonly url: string;
  /** `algorithm:hex`, where it is known before. */
  readonly digest?: string;
}

/** Which image the tasks are the blobs of, and who reads it. Secret. */
export interface PlannedImage {
  /** Address of its manifest; by digest once it was read, so that what is read again is the same. */
  readonly url: string;
  readonly platform?: string;
  readonly username?: string;
  readonly password?: string;
}

/** As it lies in the seal, so that fields are only added. */
export interface PreheatPlan {
  readonly tasks: readonly PlannedTask[];
  /** For the origin, as the caller gave them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tag: string;
  readonly application: string;
  /** Empty: the default ones. */
  readonly filteredQueryParams: readonly string[];
  /** Bytes. */
  readonly pieceLength: number | undefined;
  readonly isSingleSeed: boolean;
  readonly concurrentTaskCount: number;
  /** Absent: the tasks are files. */
  readonly image?: PlannedImage;
}

/** The plan as schedulers get it. @param headers for the origin, as they are good now. */
export function toPreheatResponse(
  plan: PreheatPlan,
  headers: Readonly<Record<string, string>> = plan.headers,
): pondhawkV1.GetPreheatResponse {
  const { tasks, tag, application, filteredQueryParams, pieceLength, image } = plan;
  return {
    tasks: tasks.map(({ taskId, url, digest = '' }) => ({ taskId, url, digest })),
    download: commonV2.Download.create({
      requestHeader: { ...headers },
      filteredQueryParams: [...filteredQueryParams],
      ...(tag === '' ? {} : { tag }),
      ...(application === '' ? {} : { application }),
      ...(pieceLength === undefined ? {} : { pieceLength: BigInt(pieceLength) }),
    }),
    singleSeed: plan.isSingleSeed,
    concurrentTaskCount: plan.concurrentTaskCount,
    goodForMs: image === undefined ? 0 : IMAGE_HEADERS_GOOD_MS,
  };
}
