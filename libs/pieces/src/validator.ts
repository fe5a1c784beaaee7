/** What tells one version of an origin's content from another. Empty strings: the origin sent none. */
export interface ContentValidator {
  readonly etag: string;
  readonly lastModified: string;
  /** Bytes; undefined while the origin has not told it. */
  readonly contentLength: number | undefined;
}

/**
 * Whether two answers may be about the same version: nothing that both name differs. A weak tag
 * proves a difference as well as a strong one does.
 */
export function mayBeSameVersion(a: ContentValidator, b: ContentValidator): boolean {
  const etagsAgree = a.etag === '' || b.etag === '' || a.etag === b.etag;
  const timesAgree =
    a.lastModified === '' || b.lastModified === '' || a.lastModified === b.lastModified;
  const lengthsAgree =
    a.contentLength === undefined ||
    b.contentLength === undefined ||
    a.contentLength === b.contentLength;
  return etagsAgree && timesAgree && lengthsAgree;
}

/** Whether nothing at all is known of the version. */
export function isUnknownVersion(validator: ContentValidator): boolean {
  return (
    validator.etag === '' && validator.lastModified === '' && validator.contentLength === undefined
  );
}
