export * from './backup-ledger.js';
export * from './restore-ledger.js';
