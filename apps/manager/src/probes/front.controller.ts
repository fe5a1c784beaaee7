import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { ManagerConfig } from '../config/manager.config.js';
import { isLoopback } from '../config/check-config.js';

/** Tells whoever opens the address in a browser what there is. */
@Controller()
@ApiExcludeController()
export class FrontController {
  constructor(private readonly config: ManagerConfig) {}

  @Get()
  getFront(): Readonly<Record<string, string>> {
    return {
      name: 'pondhawk-manager',
      api: '/api/v1',
      documentation: '/swagger',
      description: '/swagger/doc.json',
      health: '/readyz',
      identity: identityNotice(this.config),
    };
  }
}

/** What an operator must know about who may call. */
export function identityNotice({ rest }: ManagerConfig): string {
  return isLoopback(rest.host)
    ? 'Nobody has to sign in: listening on loopback only.'
    : `Nobody has to sign in, and ${rest.host} can be reached from other machines (rest.allowUnauthenticated).`;
}
