/** Another console's build (Dragonfly's own, say) at `/`; the API, probes and ways of later programs stay what they are. */

import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError, errnoOf } from '@pondhawk/core';
import express, { type Request, type RequestHandler, type Response } from 'express';

/** Beginnings of paths that no console gets. */
export const PATHS_OF_OURS = [
  ...['/api', '/oapi', '/swagger', '/healthy', '/healthz', '/readyz', '/console'],
  ...['/v1/tasks', '/apis', '/coordinate'],
] as const;

const INDEX = 'index.html';
/** Its pages name these relatively, so that deep links ask for them below their own path. */
const ASSETS = /\/(?:static|favicon|fonts)\//;
/** Names of files there hold a hash of what is in them. */
const HASHED = /\/static\//;
const HASHED_CACHING = 'public, max-age=31536000, immutable';
const OTHER_CACHING = 'public, max-age=3600';

/**
 * Serves the files of a folder, and its index.html for whatever else a browser asks for a page.
 *
 * @throws ConfigError (`CONSOLE_UNUSABLE`) if the folder has no index.html that can be read.
 */
export function otherConsole(dir: string): RequestHandler {
  const root = resolve(dir);
  requireIndex(root);
  const serveFile = express.static(root, {
    index: false, // Told by `sendIndex`, which does not have it cached.
    redirect: false, // Browsers keep a 301.
    dotfiles: 'ignore',
    etag: true,
    setHeaders: (response, path) => {
      const caching = HASHED.test(path.slice(root.length)) ? HASHED_CACHING : OTHER_CACHING;
      response.setHeader('Cache-Control', caching);
    },
  });
  return (request, response, next) => {
    if (!isForConsole(request)) {
      next();
      return;
    }
    response.setHeader('Content-Security-Policy', "frame-ancestors 'none'");
    if (request.path === '/' || request.path === `/${INDEX}`) {
      sendIndex(root, response);
      return;
    }
    const asked = request.url;
    request.url = asked.slice(Math.max(0, asked.search(ASSETS)));
    serveFile(request, response, (error?: unknown) => {
      request.url = asked;
      if (error !== undefined) next(error);
      else if (isPage(request)) sendIndex(root, response);
      else next();
    });
  };
}

function requireIndex(root: string): void {
  try {
    accessSync(join(root, INDEX), constants.R_OK);
  } catch (cause) {
    throw new ConfigError(
      'CONSOLE_UNUSABLE',
      `console.dir: ${join(root, INDEX)} cannot be read (${errnoOf(cause) ?? 'unknown'}).`,
      { cause, details: { key: 'console.dir' } },
    );
  }
}

function isForConsole({ method, path }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  return !PATHS_OF_OURS.some((own) => path === own || path.startsWith(`${own}/`));
}

/** A browser that opens an address: not a file that is missing, nor a path that tries to leave the folder. */
function isPage(request: Request): boolean {
  const last = request.path.split('/').at(-1) ?? '';
  const isPlain = /^[\w./~@:+-]*$/.test(request.path) && !request.path.includes('..');
  const isFile = last.includes('.') || ASSETS.test(request.path);
  return isPlain && !isFile && request.accepts('html') !== false;
}

function sendIndex(root: string, response: Response): void {
  response.setHeader('Cache-Control', 'no-cache');
  response.sendFile(INDEX, { root, cacheControl: false });
}
