import type { NestExpressApplication } from '@nestjs/platform-express';
import { Log } from '@pondhawk/observability';
import type { RequestHandler } from 'express';
import { ManagerConfig } from '../config/manager.config.js';
import { AuditRecorder } from '../identity/audit-recorder.js';
import { TOKEN_API, TOKEN_API_OBJECTS, SESSION_API } from '../identity/route-access.js';
import { serveApiDocument } from '../openapi/api-document.js';
import { ManagerMetrics, type StatusClass } from '../process-wide/manager-metrics.js';
import { otherConsole } from './console-build.js';
import { ErrorFilter } from './error.filter.js';
import { limitHttpServer } from './http-limits.js';
import { jsonBody } from './json-body.js';

/** Sets an application up to serve REST: limits, bodies, errors, counting, the API's description, another console. @throws ConfigError (`CONSOLE_UNUSABLE`). */
export function serveRest(app: NestExpressApplication): void {
  limitHttpServer(app.getHttpServer());
  app.disable('x-powered-by');
  // Answers change with every report; a client that asks again wants to know, not to be told 304.
  app.set('etag', false);
  app.use(countRequests(app.get(ManagerMetrics)));
  app.use(plainHeaders);
  const { dir } = app.get(ManagerConfig).console;
  if (dir !== '') app.use(otherConsole(dir));
  app.use(app.get(AuditRecorder).handler());
  app.use(serveTokenApi);
  for (const handler of jsonBody()) app.use(handler);
  app.useGlobalFilters(new ErrorFilter(app.get(Log)));
  serveApiDocument(app);
}

const TOKEN_PATH = new RegExp(`^${TOKEN_API}/(${TOKEN_API_OBJECTS.join('|')})(?=[/?]|$)`);

/** What programs reach by tokens is the same as what users reach; who may do it is told by the original path. */
const serveTokenApi: RequestHandler = (request, _response, next) => {
  request.url = request.url.replace(TOKEN_PATH, `${SESSION_API}/$1`);
  next();
};

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
