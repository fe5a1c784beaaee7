import { pondhawkV1 } from '@pondhawk/contracts';
import type { Validator } from '../copies/index.js';

/** A version on the wire. */
export function toValidatorMessage(validator: Validator): pondhawkV1.Validator {
  return pondhawkV1.Validator.create({
    etag: validator.etag,
    lastModified: validator.lastModified,
    contentLength: BigInt(validator.contentLength ?? 0),
    contentLengthKnown: validator.contentLength !== undefined,
  });
}

/** A version from the wire. */
export function fromValidatorMessage(message: pondhawkV1.Validator | undefined): Validator {
  return {
    etag: message?.etag ?? '',
    lastModified: message?.lastModified ?? '',
    ...(message?.contentLengthKnown === true
      ? { contentLength: Number(message.contentLength) }
      : {}),
  };
}
