export * from './command-catalog.js';
export * from './host-record.js';
export { LISTED_TARGETS_MAX } from './job-queries.js';
export * from './ledger-reader.js';
export * from './ledger-writer.js';
export * from './open-ledger.js';
export * from './order-report.js';
export * from './purge-witness.js';
export * from './records.js';
