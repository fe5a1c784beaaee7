export * from './job-view.js';
export * from './peer-view.js';
