import { createHash } from 'node:crypto';

/** Names of the two families of formats that registries have. */
export type ImageFormat = 'oci' | 'docker';

/** Media types of an image's parts. */
export const MEDIA_TYPES = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const;

/** What points at a blob or a manifest. */
export interface PushedDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** A manifest, with what it points at. */
export interface PushedImage extends PushedDescriptor {
  readonly config: PushedDescriptor;
  readonly layers: readonly PushedDescriptor[];
}

/** One entry of an index. */
export interface PushedEntry extends PushedDescriptor {
  readonly platform?: Readonly<Record<string, string>>;
}

/** A manifest or index as stored: sent byte for byte. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly body: Buffer;
}

/** The name of some bytes: `sha256:` and 64 hex digits. */
export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** What a registry holds, by repository and by digest or tag. */
export class RegistryContent {
  private readonly blobs = new Map<string, Buffer>();
  private readonly manifests = new Map<string, StoredManifest>();

  /** The bytes of a blob, if the repository has it. */
  findBlob(repository: string, digest: string): Buffer | undefined {
    return this.blobs.get(`${repository}@${digest}`);
  }

  /** A manifest or an index, by digest or tag. */
  findManifest(repository: string, reference: string): StoredManifest | undefined {
    return this.manifests.get(`${repository}@${reference}`);
  }

  /** Stores a blob. */
  putBlob(repository: string, mediaType: string, bytes: Buffer): PushedDescriptor {
    const digest = digestOf(bytes);
    this.blobs.set(`${repository}@${digest}`, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** Stores a manifest or index under its digest, and a tag if one is given; a string as it is. */
  putManifest(
    repository: string,
    { mediaType, body, tag }: { mediaType: string; body: unknown; tag?: string },
  ): PushedDescriptor {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const digest = digestOf(bytes);
    const stored = { mediaType, body: bytes };
    this.manifests.set(`${repository}@${digest}`, stored);
    if (tag !== undefined) this.manifests.set(`${repository}@${tag}`, stored);
    return { mediaType, digest, size: bytes.length };
  }

  /** Stores an image of these layers. */
  putImage(
    repository: string,
    {
      layers,
      tag,
      format = 'oci',
    }: { layers: readonly Buffer[]; tag?: string; format?: ImageFormat },
  ): PushedImage {
    const types = MEDIA_TYPES[format];
    const settings = Buffer.from(JSON.stringify({ rootfs: { diff_ids: layers.map(digestOf) } }));
    const config = this.putBlob(repository, types.config, settings);
    const pushed = layers.map((layer) => this.putBlob(repository, types.layer, layer));
    const body = { schemaVersion: 2, mediaType: types.manifest, config, layers: pushed };
    const manifest = this.putManifest(repository, {
      mediaType: types.manifest,
      body,
      ...(tag === undefined ? {} : { tag }),
    });
    return { ...manifest, config, layers: pushed };
  }

  /** Stores an index (or a manifest list) of these entries under a tag. */
  putIndex(
    repository: string,
    {
      entries,
      tag,
      format = 'oci',
    }: { entries: readonly PushedEntry[]; tag: string; format?: ImageFormat },
  ): PushedDescriptor {
    const mediaType = MEDIA_TYPES[format].index;
    const manifests = entries.map(({ digest, size, ...entry }) => ({
      mediaType: entry.mediaType,
      digest,
      size,
      ...(entry.platform === undefined ? {} : { platform: entry.platform }),
    }));
    return this.putManifest(repository, {
      mediaType,
      body: { schemaVersion: 2, mediaType, manifests },
      tag,
    });
  }
}
