/** Images in registries: from the address of a manifest to the blobs that make up the image. */
export * from './image-resolver.js';
