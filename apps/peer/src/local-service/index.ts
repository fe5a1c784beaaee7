export * from './local-service.js';
