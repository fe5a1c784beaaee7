export * from './copy-record.js';
export * from './fleet-sync.js';
export * from './host-facts.js';
export * from './inventory-journal.js';
export * from './scheduler-directory.js';
export * from './scheduler-link.js';
export * from './scheduler-session.js';
export * from './validator-message.js';
