/** The files of package pondhawk.v1 as one namespace. */
export * from './gen/pondhawk/v1/copy.js';
export * from './gen/pondhawk/v1/fleet.js';
export * from './gen/pondhawk/v1/fleet_sync.js';
export * from './gen/pondhawk/v1/local.js';
export * from './gen/pondhawk/v1/purge.js';
export * from './gen/pondhawk/v1/swarm.js';
