import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { parsePosition } from './event-text.js';
import { JobEventDocs } from './job-event.docs.js';
import { JobEvents } from './job-events.js';

/** What happens to a job, as it happens. */
@Controller('api/v1/jobs')
export class JobEventController {
  constructor(private readonly events: JobEvents) {}

  @Get(':id/events')
  @JobEventDocs()
  async follow(
    @Param('id', IdPipe) jobId: number,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    await this.events.follow(jobId, parsePosition(lastEventId), response);
  }
}
