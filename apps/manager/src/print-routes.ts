/** Prints all routes and who may call them; the committed routes.txt is its output. */

import { withUnstartedApp } from './openapi/unstarted-app.js';
import { routeLine, routesOf } from './openapi/route-list.js';

withUnstartedApp((app) => {
  process.stdout.write(`${routesOf(app).map(routeLine).join('\n')}\n`);
});
