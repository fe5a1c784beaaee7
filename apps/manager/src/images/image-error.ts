import { DataCorruptionError, InvalidArgumentError, NotFoundError } from '@pondhawk/core';

/** The URL is no address of a manifest. */
export function imageUrlInvalid(why: string): InvalidArgumentError {
  return new InvalidArgumentError(
    'INVALID_IMAGE_URL',
    `args.url ${why}; it has the form https://registry/v2/name/manifests/tag.`,
    { details: { field: 'args.url' } },
  );
}

/** The platform cannot be read. */
export function platformInvalid(): InvalidArgumentError {
  return new InvalidArgumentError(
    'INVALID_PLATFORM',
    'args.platform must be os/architecture or os/architecture/variant, such as linux/arm64.',
    { details: { field: 'args.platform' } },
  );
}

/** The index has no image for the platform. */
export function platformMissing(wanted: string, offered: readonly string[]): NotFoundError {
  const list = offered.length === 0 ? 'none' : offered.join(', ');
  return new NotFoundError(
    'IMAGE_PLATFORM_MISSING',
    `The image has no ${wanted}; args.platform can be one of: ${list}.`,
    { details: { field: 'args.platform', offered } },
  );
}

/** The registry has no such repository, tag or digest, or does not show it to this user. */
export function imageNotFound(reference: string): NotFoundError {
  return new NotFoundError('IMAGE_NOT_FOUND', `The registry has no image ${reference}.`);
}

/** What the registry calls a manifest or an index is none that can be used. */
export function manifestInvalid(why: string): DataCorruptionError {
  return new DataCorruptionError('IMAGE_MANIFEST_INVALID', `The manifest is unusable: ${why}.`);
}

/** A manifest or index has more bytes than are read. */
export function manifestTooLarge(bytesMax: number): DataCorruptionError {
  return new DataCorruptionError(
    'IMAGE_MANIFEST_TOO_LARGE',
    `A manifest or index of the image has more than ${bytesMax} bytes.`,
    { details: { bytesMax } },
  );
}

/** Nobody may read the image with what was given: user and password, headers, or nothing. */
export function registryRefused(hasCredentials: boolean): InvalidArgumentError {
  return new InvalidArgumentError(
    'REGISTRY_CREDENTIALS_REFUSED',
    hasCredentials
      ? 'The registry does not let these credentials read the image.'
      : 'The registry wants to know who reads the image: give args.username and args.password.',
    { details: { field: 'args.username' } },
  );
}

/** The registry asks for credentials in a way that is not known, or that would give them away. */
export function challengeRefused(why: string): DataCorruptionError {
  return new DataCorruptionError(
    'REGISTRY_CHALLENGE_REFUSED',
    `What the registry asks for is refused: ${why}.`,
  );
}
