export * from './cancel-payload.js';
export * from './host-record.js';
export * from './order-payload.js';
export * from './order-type.js';
export * from './packed-hosts.js';
export * from './parse-payload.js';
export * from './report-payload.js';
export * from './subjects.js';
