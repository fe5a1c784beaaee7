/** What OpenAPI says of signing in by a provider. */

import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ErrorDocs } from '../openapi/answer-docs.js';

const NameDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('identity'),
    ApiParam({ name: 'name', schema: { type: 'string' }, description: 'Of a row of /oauth.' }),
    ErrorDocs(404, 409, 429, 503),
  );

/** `GET /users/signin/:name`. */
export const BeginByProviderDocs = (): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      operationId: 'beginSignInByProvider',
      summary: 'Send a browser to a provider of sign-in (OpenID Connect)',
    }),
    NameDocs(),
    ApiResponse({
      status: 302,
      description: 'To the provider; a cookie keeps what must come back.',
    }),
  );

/** `GET /users/signin/:name/callback`. */
export const EndByProviderDocs = (): MethodDecorator =>
  applyDecorators(
    ApiOperation({
      operationId: 'endSignInByProvider',
      summary: 'Where the provider sends the browser back to; sets the cookie jwt',
    }),
    NameDocs(),
    ...['code', 'state', 'iss', 'error'].map((name) =>
      ApiQuery({ name, required: false, schema: { type: 'string' } }),
    ),
    ApiResponse({ status: 302, description: 'To /, signed in.' }),
    ErrorDocs(401),
  );
