import { type UserPassword, userOf } from '@pondhawk/origin';
import { parseDownloadUrl } from '@pondhawk/pieces';
import { imageUrlInvalid } from './image-error.js';

/** Longest name of a repository (OCI distribution specification). */
const REPOSITORY_LENGTH_MAX = 255;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const MANIFEST_PATH = /^\/v2\/(.+)\/manifests\/([^/]+)$/;

/** Names of contents: sha256 or sha512 and as many hex digits as it has. */
export const IMAGE_DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** An image in a registry. */
export interface ImageUrl {
  /** Scheme, host and port of the registry. */
  readonly registry: URL;
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  /** Of the URL, if it names one. */
  readonly user: UserPassword;
}

/**
 * Reads the address of a manifest; its query does not count.
 *
 * @throws InvalidArgumentError (`INVALID_URL`, `INVALID_IMAGE_URL`).
 */
export function parseImageUrl(raw: string): ImageUrl {
  const url = parseDownloadUrl(raw, 'args.url');
  const [, repository = '', rawReference = ''] = MANIFEST_PATH.exec(url.pathname) ?? [];
  const reference = rawReference.replace(/%3a/i, ':');
  if (repository === '') throw imageUrlInvalid('names no manifest');
  if (repository.length > REPOSITORY_LENGTH_MAX || !REPOSITORY.test(repository)) {
    throw imageUrlInvalid('has a repository that no registry can have');
  }
  if (!TAG.test(reference) && !IMAGE_DIGEST.test(reference)) {
    throw imageUrlInvalid('ends in neither a tag nor a digest');
  }
  return {
    registry: new URL(url.origin),
    repository,
    reference,
    user: userOf(url),
  };
}

/** Where a manifest of the image's repository is. */
export function manifestUrl({ registry, repository }: ImageUrl, reference: string): URL {
  return new URL(`/v2/${repository}/manifests/${reference}`, registry);
}

/** Where a blob of the image's repository is. */
export function blobUrl({ registry, repository }: ImageUrl, digest: string): string {
  return new URL(`/v2/${repository}/blobs/${digest}`, registry).href;
}

/** The address of the same image by the digest of its manifest, for the same user. */
export function pinnedUrl(raw: string, digest: string): string {
  const url = new URL(raw);
  url.pathname = manifestUrl(parseImageUrl(raw), digest).pathname;
  return url.href;
}
