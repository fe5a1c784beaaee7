/** What OpenAPI says of the routes about clusters, schedulers and hosts. */

import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  ErrorDocs,
  IdDocs,
  PageDocs,
  bodySchema,
  type BodyFields,
} from '../openapi/answer-docs.js';
import { listOf } from '../openapi/schema-parts.js';

const ROW = { type: 'object', additionalProperties: true } as const;

/** A list with these filters. */
export const FleetListDocs = (
  operationId: string,
  summary: string,
  filters: readonly string[],
): MethodDecorator =>
  applyDecorators(
    ApiTags('fleet'),
    ApiOperation({ operationId, summary }),
    ...filters.map((name) =>
      ApiQuery({
        name,
        required: false,
        schema: name.endsWith('_id') ? { type: 'integer', minimum: 0 } : { type: 'string' },
      }),
    ),
    PageDocs(),
    ApiResponse({ status: 200, schema: { type: 'array', items: ROW } }),
    ErrorDocs(422),
  );

/** Fields of a cluster by the names of `/clusters`. */
export const CLUSTER_BODY = {
  ...{ bio: 'string', is_default: 'boolean', scopes: 'object' },
  ...{ scheduler_cluster_config: 'object', seed_peer_cluster_config: 'object' },
  peer_cluster_config: 'object',
} as const;
/** The same by those of `/scheduler-clusters`. */
export const SCHEDULER_CLUSTER_BODY = {
  ...{ bio: 'string', is_default: 'boolean', scopes: 'object', config: 'object' },
  ...{ client_config: 'object', seed_client_config: 'object', seed_peer_cluster_id: 'integer' },
} as const;

/** Of a new cluster these must be there. */
export const NEW_CLUSTER_BODY = {
  ...{ ...CLUSTER_BODY, name: 'string!', scheduler_cluster_config: 'object!' },
  ...{ seed_peer_cluster_config: 'object!', peer_cluster_config: 'object!' },
} as const;
/** The same by the names of `/scheduler-clusters`. */
export const NEW_SCHEDULER_CLUSTER_BODY = {
  ...{ ...SCHEDULER_CLUSTER_BODY, name: 'string!', config: 'object!' },
  ...{ client_config: 'object!', seed_client_config: 'object!' },
} as const;

/** A row that is created, or with an id changed; `body` names its fields and their types, `!` those that must be there. */
export const FleetWriteDocs = (
  operationId: string,
  summary: string,
  { hasId = false, body = {} }: { readonly hasId?: boolean; readonly body?: BodyFields } = {},
): MethodDecorator =>
  applyDecorators(
    ApiTags('fleet'),
    ApiOperation({ operationId, summary }),
    ...(hasId ? [IdDocs()] : []),
    ApiBody({ schema: bodySchema(body) }),
    ApiResponse({ status: 200, schema: ROW }),
    ErrorDocs(400, 404, 409, 413, 415, 422),
  );

/** A change of one row that answers nothing; `otherId` names a second id in the path. */
export const FleetRemoveDocs = (
  operationId: string,
  summary: string,
  otherId?: string,
): MethodDecorator =>
  applyDecorators(
    ...(otherId === undefined
      ? []
      : [ApiParam({ name: otherId, schema: { type: 'integer', minimum: 0 } })]),
    ApiTags('fleet'),
    ApiOperation({ operationId, summary }),
    IdDocs(),
    ApiResponse({ status: 200, description: 'Done; no body.' }),
    ErrorDocs(404, 409, 422),
  );

/** A page of a cluster's purge log. */
export const PurgeLogDocs = (): MethodDecorator =>
  applyDecorators(
    ApiTags('fleet'),
    ApiOperation({
      operationId: 'listPurgeLog',
      summary: 'What was purged in a cluster, the newest first',
    }),
    IdDocs(),
    ApiQuery({
      name: 'task_id',
      required: false,
      schema: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    }),
    PageDocs(),
    ApiResponse({ status: 200, schema: listOf('Purge') }),
    ErrorDocs(404, 422),
  );

/** One row by its id. */
export const FleetItemDocs = (operationId: string, summary: string): MethodDecorator =>
  applyDecorators(
    ApiTags('fleet'),
    ApiOperation({ operationId, summary }),
    IdDocs(),
    ApiResponse({ status: 200, schema: ROW }),
    ErrorDocs(404, 422),
  );
