/** From the broker's bytes to payloads. What a newer daemon adds is ignored; what it changes is refused. */

import { InvalidArgumentError } from '@pondhawk/core';
import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { PAYLOAD_FORMAT } from './order-type.js';
import { quickParse } from './quick-parse.js';

/** Most complaints that one error tells. */
const COMPLAINTS_MAX = 5;

/**
 * A checked instance of `payloadClass`; fields that it does not have are dropped.
 *
 * @param json text or UTF-8 bytes.
 * @throws InvalidArgumentError `PAYLOAD_NOT_JSON`, `PAYLOAD_FORMAT_TOO_NEW` (`details.format`) or `PAYLOAD_INVALID` (the message names the fields).
 */
export function parsePayload<T extends object>(
  payloadClass: ClassConstructor<T>,
  json: string | Uint8Array,
): T {
  const plain = parseObject(json);
  const format = plain['format'];
  if (typeof format === 'number' && format >= PAYLOAD_FORMAT + 1) {
    throw new InvalidArgumentError(
      'PAYLOAD_FORMAT_TOO_NEW',
      `The payload has format ${format}; this version reads up to ${PAYLOAD_FORMAT}. Upgrade this daemon.`,
      { details: { field: 'format', format } },
    );
  }
  const parsed = quickParse(payloadClass, plain);
  if (parsed !== undefined) return parsed;
  const payload = plainToInstance(payloadClass, plain);
  const complaints = validateSync(payload, { whitelist: true, stopAtFirstError: true }).flatMap(
    (error) => describe(error, ''),
  );
  if (complaints.length > 0) {
    throw new InvalidArgumentError(
      'PAYLOAD_INVALID',
      `${payloadClass.name}: ${complaints.slice(0, COMPLAINTS_MAX).join('; ')}.`,
      { details: { field: 'payload' } },
    );
  }
  return payload;
}

/** The bytes to publish. */
export function encodePayload(payload: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(payload));
}

function parseObject(json: string | Uint8Array): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(typeof json === 'string' ? json : new TextDecoder().decode(json));
  } catch (error) {
    throw new InvalidArgumentError('PAYLOAD_NOT_JSON', 'The payload is no JSON.', { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new InvalidArgumentError('PAYLOAD_NOT_JSON', 'The payload is no JSON object.');
  }
  return parsed as Record<string, unknown>;
}

function describe(error: ValidationError, prefix: string): string[] {
  const path = `${prefix}${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((text) => `${path}: ${text}`);
  return [...own, ...(error.children ?? []).flatMap((child) => describe(child, `${path}.`))];
}
