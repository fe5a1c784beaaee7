/** What OpenAPI says of the routes about identity. */

import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ErrorDocs, PageDocs, bodySchema } from '../openapi/answer-docs.js';

const ROW = { type: 'object', additionalProperties: true } as const;
const ROWS = { type: 'array', items: ROW } as const;
const TEXTS = { type: 'array', items: { type: 'string' }, example: ['guest', 'operator'] } as const;

/** What a route answers. */
export type AnswerShape = 'nothing' | 'row' | 'rows' | 'texts';

const ANSWERS = {
  nothing: { description: 'Empty body.' },
  row: { schema: ROW },
  rows: { schema: ROWS },
  texts: { schema: TEXTS },
} as const;

/** What there is to say of a route. */
export interface IdentityRoute {
  /** Under which the description groups it; absent: `identity`. */
  readonly tag?: string;
  readonly operationId: string;
  readonly summary: string;
  readonly answer: AnswerShape;
  /** Fields of the body by name; those that must be there first come with a `!`. */
  readonly body?: Readonly<Record<string, string>>;
  /** Names of filters of a list, which is paged then. */
  readonly filters?: readonly string[];
  readonly errors: readonly number[];
}

/** One route. */
export const IdentityDocs = ({
  tag = 'identity',
  operationId,
  summary,
  answer,
  body,
  filters,
  errors,
}: IdentityRoute): MethodDecorator =>
  applyDecorators(
    ApiTags(tag),
    ApiOperation({ operationId, summary }),
    ...(body === undefined ? [] : [ApiBody({ schema: bodySchema(body) })]),
    ...(filters ?? []).map((name) =>
      ApiQuery({ name, required: false, schema: { type: isNumber(name) ? 'integer' : 'string' } }),
    ),
    ...(filters === undefined ? [] : [PageDocs()]),
    ApiResponse({ status: 200, ...ANSWERS[answer] }),
    ErrorDocs(...errors),
  );

function isNumber(name: string): boolean {
  return (
    (name.endsWith('_id') && name !== 'client_id') || name === 'status_code' || name === 'after'
  );
}
