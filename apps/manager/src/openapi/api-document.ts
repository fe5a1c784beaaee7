import type { INestApplication } from '@nestjs/common';
import { describeOperations } from './operation-docs.js';
import { describeAccess } from './route-access-docs.js';
import { routesOf } from './route-list.js';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

const TOKEN_MEANING =
  'A personal access token; each operation names the scope that it needs. Below /api/v1 the token of a session, too.';

/** The API's description, made from the controllers. */
export function describeApi(app: INestApplication): OpenAPIObject {
  const info = new DocumentBuilder()
    .setTitle('Pondhawk manager')
    .setDescription(
      'Jobs over all hosts of all clusters. Success is always 200; every error has a body of message, errors, code and details.',
    )
    .setVersion('1')
    .addCookieAuth(
      'jwt',
      { type: 'apiKey', in: 'cookie', description: 'The cookie that signing in sets.' },
      'session',
    )
    .addBearerAuth({ type: 'http', bearerFormat: 'opaque', description: TOKEN_MEANING }, 'token')
    .build();
  const described = describeOperations(SwaggerModule.createDocument(app, info));
  return describeAccess(described, routesOf(app));
}

/** Serves the description under /swagger/doc.json and a page to try it under /swagger. */
export function serveApiDocument(app: INestApplication): void {
  SwaggerModule.setup('swagger', app, describeApi(app), { jsonDocumentUrl: 'swagger/doc.json' });
}
