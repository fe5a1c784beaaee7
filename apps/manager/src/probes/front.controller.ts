import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { OpenRoute } from '../identity/route-access.js';

/** Tells whoever opens the address in a browser what there is. */
@Controller()
@ApiExcludeController()
@OpenRoute()
export class FrontController {
  @Get()
  getFront(): Readonly<Record<string, string>> {
    return {
      name: 'pondhawk-manager',
      api: '/api/v1',
      documentation: '/swagger',
      description: '/swagger/doc.json',
      health: '/readyz',
      sign_in: 'POST /api/v1/users/signin',
    };
  }
}
