/** Parts of the API description that many routes have. */

import { applyDecorators } from '@nestjs/common';
import { ApiParam, ApiProperty, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { PAGE_MAX, PER_PAGE_DEFAULT, PER_PAGE_MAX } from '../rest-edge/query-parameters.js';

/** The body of every error. */
export class ErrorAnswerBody {
  @ApiProperty({ description: 'Names the field concerned.' })
  readonly message!: string;

  @ApiProperty({ description: 'The same text again.' })
  readonly errors!: string;

  @ApiProperty({ example: 'INVALID_FIELD' })
  readonly code!: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  readonly details!: object;
}

/** Errors a route can answer. */
export const ErrorDocs = (...statuses: readonly number[]): MethodDecorator =>
  applyDecorators(...statuses.map((status) => ApiResponse({ status, type: ErrorAnswerBody })));

/** The id in a path. */
export const IdDocs = (): MethodDecorator =>
  ApiParam({ name: 'id', schema: { type: 'integer', minimum: 0 } });

/** `page` and `per_page`. */
export const PageDocs = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({
      name: 'page',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: PAGE_MAX, default: 1 },
    }),
    ApiQuery({
      name: 'per_page',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: PER_PAGE_MAX, default: PER_PAGE_DEFAULT },
    }),
  );

/** Fields of a body by name, each with its JSON type; those that must be there end in `!`. */
export type BodyFields = Readonly<Record<string, string>>;

/** The schema of a body. */
export function bodySchema(fields: BodyFields): {
  type: 'object';
  additionalProperties: true;
  properties: Record<string, { type: string; items?: object }>;
  required: string[];
} {
  const entries = Object.entries(fields).map(([name, kind]) => {
    const type = kind.replace('!', '');
    return [name, type === 'array' ? { type, items: {} } : { type }] as const;
  });
  const required = Object.keys(fields).filter((name) => fields[name]?.endsWith('!'));
  const properties = Object.fromEntries(entries);
  return { type: 'object', additionalProperties: true, properties, required };
}
