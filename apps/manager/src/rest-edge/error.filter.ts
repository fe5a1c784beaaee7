import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { toError } from '@pondhawk/core';
import { Log } from '@pondhawk/observability';
import type { Request, Response } from 'express';
import { noteRefusal } from '../identity/audit-recorder.js';
import { toErrorAnswer } from './error-answer.js';

/** The one place where errors become HTTP answers. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const answer = toErrorAnswer(thrown);
    if (answer.isUnexpected) {
      const { method, path } = request;
      this.log.error('request failed', { err: toError(thrown), method, path });
    }
    noteRefusal(request, answer.body.code);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (answer.retryAfterSeconds !== undefined) {
      response.setHeader('Retry-After', String(answer.retryAfterSeconds));
    }
    // What was refused unread would otherwise be taken for the next request of the connection.
    if (answer.status === 413) response.setHeader('Connection', 'close');
    response.status(answer.status).json(answer.body);
  }
}
