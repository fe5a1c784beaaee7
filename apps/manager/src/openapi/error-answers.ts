/** The errors of the document: one shared answer a status, each with an example. */

import type { OpenAPIObject } from '@nestjs/swagger';
import { ErrorAnswerBody } from './answer-docs.js';
import { refTo } from './schema-parts.js';

type Answers = NonNullable<NonNullable<OpenAPIObject['components']>['responses']>;
type Reference = Readonly<Record<'$ref', string>>;

const ERRORS: Readonly<
  Record<number, readonly [meaning: string, code: string, message: string, details?: object]>
> = {
  400: ['Cannot be read at all.', 'MALFORMED_JSON', 'The body must be one JSON document.'],
  401: ['No good credential, or no permission.', 'UNAUTHENTICATED', 'Sign in first.'],
  403: ['The token may not do this.', 'TOKEN_DENIED', 'The token does not have the scope job.'],
  404: ['There is no such thing.', 'JOB_NOT_FOUND', 'There is no job 42.', { id: 42 }],
  409: ['Stands against what is there.', 'NAME_TAKEN', 'name "a" is taken.', { field: 'name' }],
  413: ['The body is too large.', 'BODY_TOO_LARGE', 'The body has more than 1048576 bytes.'],
  415: ['The body is no JSON.', 'UNSUPPORTED_MEDIA_TYPE', 'Send application/json.'],
  422: ['A value breaks its rule.', 'INVALID_FIELD', 'port must be 1 to 65535.', { field: 'port' }],
  429: ['Too many; see Retry-After.', 'JOB_RATE_LIMITED', 'More than 10 jobs in this second.'],
  500: ['A fault of the manager.', 'INTERNAL_ERROR', 'Internal error; the log has more.'],
  503: ['Not now; try again.', 'NOT_READY', 'Not ready: no broker.'],
};

/** For `components.responses`. */
export function errorAnswers(): Answers {
  return Object.fromEntries(
    Object.entries(ERRORS).map(([status, [description, code, message, details = {}]]) => {
      const example = { message, errors: message, code, details };
      const schema = refTo(ErrorAnswerBody.name);
      return [
        `Error${status}`,
        { description, content: { 'application/json': { schema, example } } },
      ];
    }),
  );
}

/** The shared answer of a status. @throws Error if there is none. */
export function errorReference(status: number): Reference {
  if (ERRORS[status] === undefined) throw new Error(`there is no answer for status ${status}`);
  return { $ref: `#/components/responses/Error${status}` };
}
