import type { NestExpressApplication } from '@nestjs/platform-express';
import { Log } from '@pondhawk/observability';
import type { RequestHandler } from 'express';
import { serveApiDocument } from '../openapi/api-document.js';
import { ManagerMetrics, type StatusClass } from '../process-wide/manager-metrics.js';
import { ErrorFilter } from './error.filter.js';
import { limitHttpServer } from './http-limits.js';
import { jsonBody } from './json-body.js';

/** Sets an application up to serve REST: limits, bodies, errors, counting, the API's description. */
export function serveRest(app: NestExpressApplication): void {
  limitHttpServer(app.getHttpServer());
  app.disable('x-powered-by');
  // Answers change with every report; a client that asks again wants to know, not to be told 304.
  app.set('etag', false);
  app.use(countRequests(app.get(ManagerMetrics)));
  app.use(plainHeaders);
  for (const handler of jsonBody()) app.use(handler);
  app.useGlobalFilters(new ErrorFilter(app.get(Log)));
  serveApiDocument(app);
}

const plainHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  next();
};

function countRequests(metrics: ManagerMetrics): RequestHandler {
  return (_request, response, next) => {
    const startedMs = performance.now();
    response.once('finish', () => {
      const status = `${Math.floor(response.statusCode / 100)}xx` as StatusClass;
      metrics.requests.increment({ status });
      metrics.requestSeconds.observe((performance.now() - startedMs) / 1000);
    });
    next();
  };
}
