import { platformInvalid, platformMissing } from './image-error.js';

/** What an image is made for when nobody says otherwise. */
export const DEFAULT_PLATFORM = 'linux/amd64';
const PLATFORM = /^([a-z0-9]{1,32})\/([a-z0-9]{1,32})(?:\/([a-z0-9]{1,32}))?$/;
/** The variant that is meant where none is said. */
const USUAL_VARIANT: Readonly<Record<string, string>> = { arm: 'v7', arm64: 'v8' };

/** What an image runs on, in Go's words: `linux`, `arm64`, `v8`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Empty where none is said. */
  readonly variant: string;
}

/** @throws InvalidArgumentError (`INVALID_PLATFORM`) unless it is `os/architecture` or `os/architecture/variant`. */
export function parsePlatform(raw: string): Platform {
  const match = PLATFORM.exec(raw);
  if (match === null) throw platformInvalid();
  return { os: match[1] ?? '', architecture: match[2] ?? '', variant: match[3] ?? '' };
}

/** As `parsePlatform` reads it. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === '' ? [] : [variant])].join('/');
}

/**
 * The entry for a platform. Without a wanted variant the usual one of the architecture, then one
 * without variant, then the first; a single entry that names no platform is for all.
 *
 * @throws NotFoundError (`IMAGE_PLATFORM_MISSING`), which tells what there is.
 */
export function chooseEntry<Entry extends { readonly platform: Platform | undefined }>(
  entries: readonly Entry[],
  wanted: Platform,
): Entry {
  const [only] = entries;
  if (only !== undefined && entries.length === 1 && only.platform === undefined) return only;
  const fitting = entries.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  );
  const usual = USUAL_VARIANT[wanted.architecture] ?? '';
  const variants = wanted.variant === '' ? [usual, ''] : [wanted.variant];
  // An entry without variant is of the usual one.
  if (wanted.variant === usual) variants.push('');
  const chosen =
    variants
      .map((variant) => fitting.find(({ platform }) => platform?.variant === variant))
      .find((entry) => entry !== undefined) ?? (wanted.variant === '' ? fitting[0] : undefined);
  if (chosen === undefined) throw platformMissing(formatPlatform(wanted), offered(entries));
  return chosen;
}

/** Attestations stand beside images as `unknown/unknown`. */
function offered(entries: readonly { readonly platform: Platform | undefined }[]): string[] {
  const names = entries.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [formatPlatform(platform)],
  );
  return [...new Set(names)];
}
