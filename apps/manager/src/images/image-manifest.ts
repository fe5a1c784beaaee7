/** Manifests and indexes of OCI (image specification 1.1) and Docker (version 2, schema 2). Pure. */

import { manifestInvalid } from './image-error.js';
import { IMAGE_DIGEST } from './image-url.js';
import type { Platform } from './image-platform.js';

const INDEX_TYPES = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const MANIFEST_TYPES = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
/** What a registry is asked for. */
export const ACCEPTED_MANIFESTS = [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ');
/** Layers of one image; Docker itself makes at most 127. */
export const IMAGE_LAYERS_MAX = 500;
/** Entries of one index. */
export const INDEX_ENTRIES_MAX = 1_000;
const PLATFORM_WORD = /^[a-z0-9]{1,32}$/;

/** What points at a content. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image of one platform. */
export interface ImageManifest {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  /** Those that the registry has: layers that lie elsewhere (`urls`) are left out. */
  readonly layers: readonly Descriptor[];
}

/** An entry of an index: an image, or another index. */
export interface IndexEntry extends Descriptor {
  readonly platform: Platform | undefined;
}

/** An image of several platforms. */
export interface ImageIndex {
  readonly kind: 'index';
  readonly entries: readonly IndexEntry[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads what a registry sent.
 *
 * @param mediaType as the registry calls it; parameters do not count.
 * @throws DataCorruptionError (`IMAGE_MANIFEST_INVALID`) for what is no manifest or index of these formats, is both, or has too many parts.
 */
export function parseManifest(mediaType: string, body: Buffer): ImageManifest | ImageIndex {
  const said = mediaType.split(';')[0]?.trim().toLowerCase() ?? '';
  const fields = parseJson(body);
  const inner = fields['mediaType'];
  if (inner !== undefined && inner !== said) {
    throw manifestInvalid('it is of another media type than the registry says');
  }
  const isIndex = INDEX_TYPES.has(said);
  if (!isIndex && !MANIFEST_TYPES.has(said)) {
    throw manifestInvalid('neither OCI nor Docker schema 2 has its media type');
  }
  if (fields['schemaVersion'] !== 2) throw manifestInvalid('its schemaVersion is not 2');
  // A content that is both would be one image here and another elsewhere (CVE-2021-41190).
  if (isIndex ? 'layers' in fields || 'config' in fields : 'manifests' in fields) {
    throw manifestInvalid('it is a manifest and an index at once');
  }
  return isIndex ? readIndex(fields) : readManifest(fields);
}

function readManifest(fields: Fields): ImageManifest {
  const layers = listOf(fields['layers'], { what: 'layers', max: IMAGE_LAYERS_MAX });
  return {
    kind: 'manifest',
    config: readDescriptor(fields['config'], 'config'),
    layers: layers
      .filter((layer) => !isElsewhere(layer))
      .map((layer, index) => readDescriptor(layer, `layers[${index}]`)),
  };
}

function readIndex(fields: Fields): ImageIndex {
  const manifests = listOf(fields['manifests'], { what: 'manifests', max: INDEX_ENTRIES_MAX });
  const entries = manifests.map((entry, index) => ({
    ...readDescriptor(entry, `manifests[${index}]`),
    platform: readPlatform(entry),
  }));
  return { kind: 'index', entries };
}

/** Layers of Windows that only Microsoft may give out. */
function isElsewhere(layer: unknown): boolean {
  return isFields(layer) && Array.isArray(layer['urls']) && layer['urls'].length > 0;
}

function readDescriptor(value: unknown, what: string): Descriptor {
  if (!isFields(value)) throw manifestInvalid(`${what} is no object`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string') throw manifestInvalid(`${what}.mediaType is missing`);
  if (typeof digest !== 'string' || !IMAGE_DIGEST.test(digest)) {
    throw manifestInvalid(`${what}.digest is no digest of sha256 or sha512`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw manifestInvalid(`${what}.size is no number of bytes`);
  }
  return { mediaType, digest, sizeBytes: size };
}

/** A platform that is not written as one fits nobody. */
function readPlatform(entry: unknown): Platform | undefined {
  const platform = isFields(entry) ? entry['platform'] : undefined;
  if (!isFields(platform)) return undefined;
  const { os, architecture, variant = '' } = platform;
  const isWord = (word: unknown): word is string =>
    typeof word === 'string' && PLATFORM_WORD.test(word);
  if (!isWord(os) || !isWord(architecture)) return undefined;
  return { os, architecture, variant: isWord(variant) ? variant : '' };
}

function listOf(value: unknown, { what, max }: { what: string; max: number }): unknown[] {
  if (!Array.isArray(value)) throw manifestInvalid(`${what} is no list`);
  if (value.length > max) throw manifestInvalid(`${what} has more than ${max} entries`);
  return value as unknown[];
}

function parseJson(body: Buffer): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw manifestInvalid('it is no JSON');
  }
  if (!isFields(parsed)) throw manifestInvalid('it is no JSON object');
  return parsed;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
