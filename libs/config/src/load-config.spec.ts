import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { ConfigError } from '@pondhawk/core';
import { Secret, loadConfig, type LoadConfigOptions } from './index.js';

class PiecesConfig {
  @IsString()
  host = '127.0.0.1';

  @IsInt()
  @Min(0)
  @Max(65_535)
  port = 4005;
}

class PeerConfig {
  @IsString()
  dataDir!: string;

  @IsIn(['normal', 'super'])
  hostType: 'normal' | 'super' = 'normal';

  @IsBoolean()
  isFast = false;

  @IsString({ each: true })
  allow: readonly string[] = [];

  @IsOptional()
  token?: Secret;

  @IsOptional()
  @IsInt()
  taskTtlMs?: number;

  @ValidateNested()
  pieces = new PiecesConfig();
}

describe('loadConfig', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pondhawk-config-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function load(yaml: string, env: LoadConfigOptions['env'] = {}): PeerConfig {
    const file = join(directory, 'peer.yaml');
    writeFileSync(file, yaml);
    return loadConfig(PeerConfig, { file, env, envPrefix: 'PONDHAWK_PEER' });
  }

  function errorOf(yaml: string, env: LoadConfigOptions['env'] = {}): ConfigError {
    try {
      load(yaml, env);
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
    throw new Error('No error.');
  }

  it('takes defaults, then the file, then the environment', () => {
    const config = load('dataDir: /data\npieces: { host: 0.0.0.0, port: 1 }\n', {
      PONDHAWK_PEER_PIECES_PORT: '2',
      PONDHAWK_SOCKET: '/elsewhere',
    });
    expect(config).toBeInstanceOf(PeerConfig);
    expect(config.dataDir).toBe('/data');
    expect(config.hostType).toBe('normal');
    expect(config.pieces).toEqual({ host: '0.0.0.0', port: 2 });
  });

  it('reads numbers, booleans and lists of the environment by the type of the field', () => {
    const config = loadConfig(PeerConfig, {
      env: {
        PONDHAWK_PEER_DATA_DIR: '/data',
        PONDHAWK_PEER_IS_FAST: 'true',
        PONDHAWK_PEER_ALLOW: '10.0.0.0/8, example.org',
        PONDHAWK_PEER_TASK_TTL_MS: '5',
      },
      envPrefix: 'PONDHAWK_PEER',
    });
    expect(config).toMatchObject({
      isFast: true,
      allow: ['10.0.0.0/8', 'example.org'],
      taskTtlMs: 5,
    });
  });

  it('freezes what it returns, sections too', () => {
    const config = load('dataDir: /data');
    expect(() => (config.pieces.port = 1)).toThrow(TypeError);
    expect(() => (config.dataDir = '')).toThrow(TypeError);
  });

  it('keeps an empty section and an empty key at their defaults', () => {
    expect(load('dataDir: /data\nhostType:\npieces:\n').pieces.port).toBe(4005);
  });

  it('never prints a secret', () => {
    const { token } = load('dataDir: /data', { PONDHAWK_PEER_TOKEN: 'hunter2' });
    expect(token?.reveal()).toBe('hunter2');
    expect(`${String(token)} ${JSON.stringify({ token })} ${inspect({ token })}`).not.toContain(
      'hunter2',
    );
  });

  describe('when a key is unknown', () => {
    it('names it and the nearest one, in the file', () => {
      const error = errorOf('dataDir: /data\npieces: { prot: 1 }');
      expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
      expect(error.message).toContain('Unknown key pieces.prot');
      expect(error.message).toContain('Did you mean pieces.port?');
    });

    it('names it and the nearest one, in the environment', () => {
      const error = errorOf('dataDir: /data', { PONDHAWK_PEER_PIECE_PORT: '1' });
      expect(error.message).toContain('PONDHAWK_PEER_PIECE_PORT');
      expect(error.message).toContain('Did you mean PONDHAWK_PEER_PIECES_PORT?');
    });
  });

  describe('when a value breaks its rule', () => {
    it('names every such key by its path, with the rule', () => {
      const { code, message } = errorOf('hostType: fat\npieces: { port: 65536 }');
      expect(code).toBe('CONFIG_INVALID');
      expect(message).toContain('dataDir must be a string');
      expect(message).toContain('hostType must be one of the following values: normal, super');
      expect(message).toContain('pieces.port must not be greater than 65535');
    });

    it('refuses a variable that is no number', () => {
      const { message } = errorOf('dataDir: /data', { PONDHAWK_PEER_PIECES_PORT: '1x' });
      expect(message).toContain('PONDHAWK_PEER_PIECES_PORT must be a number');
    });

    it('refuses a section that is no mapping', () => {
      expect(errorOf('dataDir: /data\npieces: 4').message).toContain('Section pieces');
    });
  });

  it('names a file that is missing or broken', () => {
    const missing = { file: join(directory, 'no.yaml'), env: {}, envPrefix: 'PONDHAWK_PEER' };
    expect(() => loadConfig(PeerConfig, missing)).toThrow('no.yaml: ENOENT');
    expect(errorOf('dataDir: [').code).toBe('CONFIG_FILE_UNREADABLE');
  });
});
