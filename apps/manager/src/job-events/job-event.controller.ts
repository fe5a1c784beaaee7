import { Controller, Get, Headers, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { OpenStreams } from '../identity/open-streams.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { parsePosition } from './event-text.js';
import { JobEventDocs } from './job-event.docs.js';
import { JobEvents } from './job-events.js';

/** What happens to a job, as it happens. */
@Controller('api/v1/jobs')
export class JobEventController {
  constructor(
    private readonly events: JobEvents,
    private readonly streams: OpenStreams,
  ) {}

  @Get(':id/events')
  @JobEventDocs()
  async follow(
    @Param('id', IdPipe) jobId: number,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    this.streams.watch(request, response);
    await this.events.follow(jobId, parsePosition(lastEventId), response);
  }
}
