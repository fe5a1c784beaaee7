import type { PipeTransform } from '@nestjs/common';
import { ID_BOUNDS } from './field-reader.js';
import { parseWholeNumber } from './query-parameters.js';

/** Reads an id out of a path. */
export class IdPipe implements PipeTransform<string, number> {
  transform(raw: string): number {
    return parseWholeNumber(raw, 'id', ID_BOUNDS);
  }
}
