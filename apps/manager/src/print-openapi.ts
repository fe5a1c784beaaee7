/** Prints the API's description, made from the controllers; the committed openapi.json is its output. */

import { describeApi } from './openapi/api-document.js';
import { withUnstartedApp } from './openapi/unstarted-app.js';

withUnstartedApp((app) => {
  process.stdout.write(`${JSON.stringify(describeApi(app), null, 2)}\n`);
});
