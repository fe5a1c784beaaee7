export * from './job-view.js';
