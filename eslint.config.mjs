import nx from '@nx/eslint-plugin';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import jest from 'eslint-plugin-jest';
import n from 'eslint-plugin-n';
import tseslint from 'typescript-eslint';

/** Who may import whom: a project has the tag of its layer (see docs/architecture.md). */
const layers = {
  'layer:core': ['layer:core'],
  'layer:domain': ['layer:core', 'layer:domain'],
  'layer:contracts': ['layer:core'],
  'layer:adapter': ['layer:core', 'layer:contracts', 'layer:adapter'],
  'layer:testing': ['layer:core', 'layer:contracts', 'layer:adapter'],
  'layer:tool': ['layer:core', 'layer:contracts', 'layer:adapter', 'layer:testing'],
  'layer:app': ['layer:core', 'layer:domain', 'layer:contracts', 'layer:adapter', 'layer:testing'],
  'layer:e2e': ['layer:core', 'layer:contracts', 'layer:adapter', 'layer:testing', 'layer:tool'],
};
const PURE_BANNED = [
  '@nestjs/*',
  '@grpc/*',
  'nats',
  'better-sqlite3',
  'kysely',
  'winston',
  'class-validator',
  'class-transformer',
];
const banned = {
  'layer:core': PURE_BANNED,
  'layer:domain': PURE_BANNED,
  'layer:contracts': ['@nestjs/*', 'better-sqlite3', 'kysely', 'nats'],
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/out-tsc/**',
      '**/src/gen/**',
      '**/node_modules/**',
      '**/*.js',
      '**/*.cjs',
      '**/*.mjs',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX, '@nx': nx, n },
    settings: {
      'import-x/resolver-next': [
        createTypeScriptImportResolver({
          conditionNames: ['@pondhawk/source', 'types', 'import', 'require', 'node', 'default'],
        }),
      ],
    },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          banTransitiveDependencies: false,
          depConstraints: Object.entries(layers).map(([sourceTag, onlyDependOnLibsWithTags]) => ({
            sourceTag,
            onlyDependOnLibsWithTags,
            ...(banned[sourceTag] ? { bannedExternalImports: banned[sourceTag] } : {}),
          })),
        },
      ],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-extraneous-dependencies': ['error', { packageDir: [import.meta.dirname, '.'] }],
      'n/no-process-env': 'error',
      'no-console': 'error',
      complexity: ['error', 12],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', 70],
      'max-params': ['error', 5],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Payload classes carry data: an object with their fields is one of them.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Enumerations come off the wire as numbers.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
    },
  },
  {
    files: [
      'libs/config/**/*.ts',
      'libs/testing/**/*.ts',
      'apps/cli/src/**/*.ts',
      'apps/*/src/main.ts',
      'tools/**/*.ts',
      'e2e/**/*.ts',
    ],
    rules: { 'n/no-process-env': 'off' },
  },
  {
    files: [
      '**/*.spec.ts',
      '**/test/**/*.ts',
      '**/testing/**/*.ts',
      'libs/testing/**/*.ts',
      'e2e/**/*.ts',
    ],
    plugins: { jest },
    languageOptions: { globals: jest.environments.globals.globals },
    rules: {
      'jest/no-focused-tests': 'error',
      'max-lines': ['error', { max: 600 }],
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // Tests read JSON answers; a wrong member fails the expectation.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
);
