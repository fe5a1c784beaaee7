'use strict';

const { readdirSync } = require('node:fs');
const { join } = require('node:path');

const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  },
];

/** One selection of test files; sources of libs are read through the `@pondhawk/source` condition. */
function project(displayName, roots, testMatch) {
  return {
    displayName,
    rootDir: __dirname,
    roots,
    testMatch,
    testEnvironment: 'node',
    testEnvironmentOptions: {
      customExportConditions: ['@pondhawk/source', 'node', 'require', 'default'],
    },
    transform: { '^.+\\.ts$': swc },
    moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    modulePathIgnorePatterns: ['/dist/', '/out-tsc/'],
    setupFiles: ['reflect-metadata'],
  };
}

const folders = (parent) =>
  readdirSync(join(__dirname, parent)).map((name) => `<rootDir>/${parent}/${name}`);
const all = [...folders('libs'), ...folders('apps'), '<rootDir>/tools'];

module.exports = {
  projects: [
    {
      ...project('unit', all, ['**/src/**/*.spec.ts']),
      testPathIgnorePatterns: ['/node_modules/', '\\.medium\\.spec\\.ts$'],
    },
    project('medium', all, ['**/test/**/*.medium.spec.ts', '**/src/**/*.medium.spec.ts']),
    project('e2e', ['<rootDir>/e2e'], ['**/*.e2e.spec.ts']),
  ],
};
