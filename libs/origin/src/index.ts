/** The way out to servers that a caller names: which addresses, which redirects, which headers. */
export * from './address-guard.js';
export * from './extra-roots.js';
export * from './guarded-fetcher.js';
export * from './origin-error.js';
export * from './origin-headers.js';
