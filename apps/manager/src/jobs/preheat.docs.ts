import { ApiPropertyOptional } from '@nestjs/swagger';
import { PREHEAT_SCOPES } from '@pondhawk/jobs';
import { PREHEAT_BOUNDS } from './preheat-args.js';

const { count, percentage, concurrentTaskCount, ips } = PREHEAT_BOUNDS;

/** What the args of a preheat have besides those that name a task. */
export class PreheatArgsBody {
  @ApiPropertyOptional({
    description: 'Of an image: `os/architecture`; linux/amd64 unless it is said.',
    default: 'linux/amd64',
  })
  readonly platform?: string;

  @ApiPropertyOptional({ description: 'Of an image: who reads from the registry.' })
  readonly username?: string;

  @ApiPropertyOptional({
    description: 'Of an image. Never shown; kept, by a preheat alone, sealed.',
  })
  readonly password?: string;

  @ApiPropertyOptional({
    type: [String],
    description: 'preheat only: up to 200 URLs, to which url is added.',
  })
  readonly urls?: readonly string[];

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description:
      'preheat and get_image_distribution: headers for the origin. Their values are never shown; a preheat alone keeps them, sealed.',
  })
  readonly headers?: Readonly<Record<string, string>>;

  @ApiPropertyOptional({
    enum: [...PREHEAT_SCOPES],
    default: 'single_seed_peer',
    description: 'preheat only: to the seed peer of each task, all seed peers, or all other hosts.',
  })
  readonly scope?: string;

  @ApiPropertyOptional({
    type: [String],
    minItems: 1,
    maxItems: ips,
    description: 'preheat only: the hosts of the scope with these addresses.',
  })
  readonly ips?: readonly string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: count.min,
    maximum: count.max,
    description: 'preheat only: so many hosts of the scope, unless ips says which.',
  })
  readonly count?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: percentage.min,
    maximum: percentage.max,
    description: 'preheat only: such a part of the scope, unless ips or count says more.',
  })
  readonly percentage?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: concurrentTaskCount.min,
    maximum: concurrentTaskCount.max,
    default: concurrentTaskCount.default,
    description: 'preheat only: tasks that one host fetches at once.',
  })
  readonly concurrent_task_count?: number;
}
