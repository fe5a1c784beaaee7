import { createHash } from 'node:crypto';
import type { GuardedFetcher } from '@pondhawk/origin';
import { readBounded } from './bounded-body.js';
import { manifestInvalid, manifestTooLarge } from './image-error.js';
import {
  ACCEPTED_MANIFESTS,
  type Descriptor,
  type ImageManifest,
  parseManifest,
} from './image-manifest.js';
import { DEFAULT_PLATFORM, type Platform, chooseEntry, parsePlatform } from './image-platform.js';
import { IMAGE_DIGEST, type ImageUrl, blobUrl, manifestUrl, parseImageUrl } from './image-url.js';
import { RegistrySession } from './registry-session.js';

/** What registries have to take at least (OCI distribution specification), and at most use. */
export const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;
/** Manifests and indexes on the way to one image: an index, an index within it, the manifest. */
export const MANIFEST_DEPTH_MAX = 3;
/** For all of an image: tokens, indexes and manifest. */
export const RESOLVE_TIMEOUT_MS = 60_000;

/** Which image, and who reads it. */
export interface ImageRequest {
  /** Address of its manifest: `https://registry/v2/name/manifests/tag`. */
  readonly url: string;
  /** `os/architecture` or `os/architecture/variant`; absent or empty: linux/amd64. */
  readonly platform?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Sent to the registry and with each blob; an `Authorization` stands for user and password. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
}

/** One blob of an image, to be downloaded as a task of its own. */
export interface ImageBlob extends Descriptor {
  readonly kind: 'config' | 'layer';
  readonly url: string;
}

/** What an image consists of. */
export interface ResolvedImage {
  /** Of the manifest of the platform. */
  readonly digest: string;
  /** Its config, then its layers; none twice. */
  readonly blobs: readonly ImageBlob[];
  /** To be sent with each request for a blob. Secret, and good for as long as the registry's tokens are, mostly some minutes. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Wanted {
  readonly reference: string;
  readonly platform: Platform;
  readonly depth: number;
}

/** Finds out from registries what images consist of. */
export class ImageResolver {
  constructor(private readonly fetcher: GuardedFetcher) {}

  /**
   * Follows the address of an image to the blobs of one platform. An address of a single manifest is
   * taken whatever its platform.
   *
   * @throws InvalidArgumentError `INVALID_URL`, `INVALID_IMAGE_URL`, `INVALID_PLATFORM`, `REGISTRY_CREDENTIALS_REFUSED`.
   * @throws NotFoundError `IMAGE_NOT_FOUND`, `IMAGE_PLATFORM_MISSING`.
   * @throws DataCorruptionError `IMAGE_MANIFEST_INVALID`, `IMAGE_MANIFEST_TOO_LARGE`, `REGISTRY_CHALLENGE_REFUSED`.
   * @throws PondhawkError as `GuardedFetcher.get` does.
   */
  async resolve(request: ImageRequest): Promise<ResolvedImage> {
    const image = parseImageUrl(request.url);
    const platform = parsePlatform(request.platform || DEFAULT_PLATFORM);
    const { username = '', password = '' } = request;
    const session = new RegistrySession(this.fetcher, {
      image,
      user: username === '' ? image.user : { user: username, password },
      headers: request.headers ?? {},
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(RESOLVE_TIMEOUT_MS)]),
    });
    const wanted = { reference: image.reference, platform, depth: 1 };
    const { digest, manifest } = await this.findManifest(session, image, wanted);
    return { digest, blobs: blobsOf(image, manifest), headers: session.headers };
  }

  private async findManifest(
    session: RegistrySession,
    image: ImageUrl,
    { reference, platform, depth }: Wanted,
  ): Promise<{ digest: string; manifest: ImageManifest }> {
    if (depth > MANIFEST_DEPTH_MAX) throw manifestInvalid('indexes lie within indexes too deep');
    const answer = await session.get(manifestUrl(image, reference), ACCEPTED_MANIFESTS);
    const tooLarge = (): Error => manifestTooLarge(MANIFEST_BYTES_MAX);
    const body = await readBounded(answer, { bytesMax: MANIFEST_BYTES_MAX, tooLarge });
    const digest = checkedDigest(reference, body);
    const parsed = parseManifest(answer.headers['content-type'] ?? '', body);
    if (parsed.kind === 'manifest') return { digest, manifest: parsed };
    const entry = chooseEntry(parsed.entries, platform);
    return this.findManifest(session, image, {
      reference: entry.digest,
      platform,
      depth: depth + 1,
    });
  }
}

/** The digest of what came, which is that of the reference if it is one. */
function checkedDigest(reference: string, body: Buffer): string {
  const algorithm = IMAGE_DIGEST.test(reference) ? (reference.split(':')[0] ?? '') : 'sha256';
  const digest = `${algorithm}:${createHash(algorithm).update(body).digest('hex')}`;
  if (IMAGE_DIGEST.test(reference) && digest !== reference) {
    throw manifestInvalid('its bytes are not those of its digest');
  }
  return digest;
}

function blobsOf(image: ImageUrl, { config, layers }: ImageManifest): ImageBlob[] {
  const all: ImageBlob[] = [
    { ...config, kind: 'config', url: blobUrl(image, config.digest) },
    ...layers.map((layer): ImageBlob => {
      return { ...layer, kind: 'layer', url: blobUrl(image, layer.digest) };
    }),
  ];
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()];
}
