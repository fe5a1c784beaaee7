import type { ContentValidator } from '@pondhawk/pieces';
import type { Validator } from '../copies/index.js';

/** A stored version as the rules compare it. */
export function toContentValidator(stored: Validator): ContentValidator {
  return { ...stored, contentLength: stored.contentLength };
}

/** A version as it is stored. */
export function toStoredValidator({ contentLength, ...rest }: ContentValidator): Validator {
  return contentLength === undefined ? rest : { ...rest, contentLength };
}
