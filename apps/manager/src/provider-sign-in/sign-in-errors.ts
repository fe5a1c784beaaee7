/** How a sign-in by a provider fails, as the browser is told: never with what the provider said. */

import {
  ConflictError,
  NotFoundError,
  UnauthenticatedError,
  UnavailableError,
  type PondhawkError,
} from '@pondhawk/core';

/** There is no provider of this name. */
export function noProvider(name: string): PondhawkError {
  return new NotFoundError('SIGN_IN_PROVIDER_NOT_FOUND', `Nobody signs in by ${name} here.`);
}

/** The provider's row does not say all that is needed, or something that is refused. */
export function unusableProvider(field: string, what: string): PondhawkError {
  return new ConflictError(
    'SIGN_IN_PROVIDER_UNUSABLE',
    `This provider of sign-in cannot be used: ${field} ${what}.`,
    { details: { field } },
  );
}

/** The provider does not answer, or not as one. */
export function providerDown(cause: unknown): PondhawkError {
  return new UnavailableError(
    'SIGN_IN_PROVIDER_DOWN',
    'The provider of sign-in does not answer; try again, or sign in by a password.',
    { cause },
  );
}

/** The browser that comes back is not the one that went, or came too late. */
export function notBegun(): PondhawkError {
  return new UnauthenticatedError(
    'SIGN_IN_NOT_BEGUN',
    'This sign-in was not begun in this browser, or too long ago; begin again.',
  );
}

/** What came back proves nothing. */
export function notProved(cause: unknown): PondhawkError {
  return new UnauthenticatedError(
    'SIGN_IN_NOT_PROVED',
    'The provider did not prove who you are; begin again.',
    { cause },
  );
}

/** Known, but not let in. */
export function notLetIn(): PondhawkError {
  return new UnauthenticatedError('SIGN_IN_NOT_ALLOWED', 'You may not sign in here.');
}
