import { jobView, type Json } from '../job-views/index.js';
import type { JobDetail } from '../ledger/index.js';

/** A job as lists show it: like one read alone, but its `results` are empty, as no hosts were read. */
export function listedJobView(detail: JobDetail): Json {
  const view = jobView(detail);
  const result = view['result'] as Json;
  const states = result['job_states'] as Json[];
  const withoutResults = states.map((state) => ({ ...state, results: [] }));
  return { ...view, result: { ...result, job_states: withoutResults } };
}
