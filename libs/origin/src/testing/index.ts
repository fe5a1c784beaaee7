/** Addresses and redirects that no daemon may follow, for the tests of each. */
export * from './address-corpus.js';
export * from './corpus-server.js';
export * from './redirect-corpus.js';
