import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OpenRoute } from '../identity/route-access.js';
import { ErrorDocs } from '../openapi/answer-docs.js';
import { Readiness } from './readiness.js';

/** For load balancers and for Dragonfly's clients. */
@Controller()
@ApiTags('probes')
@OpenRoute()
export class ProbeController {
  constructor(private readonly readiness: Readiness) {}

  @Get('healthy')
  @ApiOperation({ operationId: 'isHealthy', summary: 'The process answers' })
  @ApiResponse({ status: 200, schema: { type: 'string', enum: ['OK'] } })
  @Header('Content-Type', 'application/json; charset=utf-8')
  getHealthy(): string {
    // Nest sends a plain text as it is; Dragonfly's manager answers a JSON string.
    return JSON.stringify('OK');
  }

  @Get('healthz')
  @ApiOperation({ operationId: 'isAlive', summary: 'The process answers' })
  @ApiResponse({ status: 200, schema: { type: 'object', additionalProperties: true } })
  getHealthz(): { readonly status: string } {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({ operationId: 'isReady', summary: 'Jobs are accepted and carried out' })
  @ApiResponse({ status: 200, schema: { type: 'object', additionalProperties: true } })
  @ErrorDocs(503)
  async getReadyz(): Promise<{ readonly status: string }> {
    await this.readiness.check();
    return { status: 'ok' };
  }
}
