import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Query as QueryString,
  Req,
  Res,
} from '@nestjs/common';
import { JOB_TYPES, JobType, TARGET_OUTCOMES } from '@pondhawk/jobs';
import type { Request, Response } from 'express';
import { noteSelector } from '../identity/audit-recorder.js';
import { requireCaller } from '../identity/caller.js';
import { jobView, targetView, type Json } from '../job-views/index.js';
import { LedgerReader, LedgerWriter, type JobDetail, type JobFilter } from '../ledger/index.js';
import { ProcessEdge } from '../process-wide/process-edge.js';
import { ID_BOUNDS } from '../rest-edge/field-reader.js';
import { IdPipe } from '../rest-edge/id.pipe.js';
import { linkHeader } from '../rest-edge/link-header.js';
import {
  choiceParameter,
  numberParameter,
  pageParameters,
  type Query,
} from '../rest-edge/query-parameters.js';
import { strippedFieldsWarning } from '../rest-edge/warning-header.js';
import { parseCreateJob, selectorOf } from './create-job-request.js';
import { DistributionQuestion } from './distribution-question.js';
import {
  IMAGE_DISTRIBUTION,
  isDistributionRequest,
  parseDistribution,
} from './distribution-request.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { JobAcceptance, requireJob } from './job-acceptance.js';
import {
  CreateJobDocs,
  DeleteJobDocs,
  GetJobDocs,
  ListJobsDocs,
  ListTargetsDocs,
} from './job.docs.js';
import { JobEndWaiter, parseWaitMs } from './job-end-waiter.js';
import { listedJobView } from './listed-job-view.js';

/** How long the answer to an order waits for its end, where clients expect that. */
const CREATE_WAIT_MS = 10_000;

/** Aborted when nobody waits for the answer any more. */
function signalOf(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

/** Jobs over REST. */
@Controller('api/v1/jobs')
export class JobController {
  // Each is injected by its type.
  // eslint-disable-next-line max-params
  constructor(
    private readonly reader: LedgerReader,
    private readonly writer: LedgerWriter,
    private readonly acceptance: JobAcceptance,
    private readonly waiter: JobEndWaiter,
    private readonly edge: ProcessEdge,
    private readonly distribution: DistributionQuestion,
  ) {}

  @Post()
  @HttpCode(200)
  @CreateJobDocs()
  async create(
    @Body() body: unknown,
    @Headers('idempotency-key') rawKey: string | undefined,
    @Req() raw: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    if (isDistributionRequest(body)) return this.askForImage(body, raw, response);
    const parsed = parseCreateJob(body);
    noteSelector(raw, selectorOf(parsed));
    await this.acceptance.requireRoom(parsed.clusterIds);
    const caller = requireCaller(raw).user.id;
    const request = {
      ...parsed,
      userId: await this.acceptance.requireOwner(parsed.userId, caller),
    };
    const key = parseIdempotencyKey(rawKey, request, caller);
    const { job, isRepeated } = await this.acceptance.accept(request, key);
    const shown = isAwaited(job) ? await this.atItsEnd(job, response) : job;
    if (isRepeated) response.setHeader('Idempotent-Replayed', 'true');
    const warning = strippedFieldsWarning(request.strippedFields);
    if (warning !== undefined) response.setHeader('Warning', warning);
    response.once('finish', () => this.edge.faults.reach('manager.job.answer-sent'));
    return jobView(shown);
  }

  /** A question, answered at once; what asks it is a `list_tasks` of its own. */
  private async askForImage(body: unknown, raw: Request, response: Response): Promise<Json> {
    const { job, ...request } = parseDistribution(body);
    noteSelector(raw, `${IMAGE_DISTRIBUTION} url=${String(job.args['image_url'])}`);
    await this.acceptance.requireRoom(job.clusterIds);
    const caller = requireCaller(raw).user.id;
    const userId = await this.acceptance.requireOwner(job.userId, caller);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    return this.distribution.ask({ ...request, job: { ...job, userId } }, gone.signal);
  }

  @Get()
  @ListJobsDocs()
  async list(
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const { items, totalCount } = await this.reader.listJobs(jobFilter(query), page);
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items.map(listedJobView);
  }

  @Get(':id')
  @GetJobDocs()
  async get(
    @Param('id', IdPipe) jobId: number,
    @QueryString() query: Query,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json> {
    const waitMs = parseWaitMs(query['wait']);
    await this.waiter.waitForEnd({ jobId, waitMs, signal: signalOf(response) });
    return jobView(requireJob(await this.reader.findJob(jobId), jobId));
  }

  @Get(':id/targets')
  @ListTargetsDocs()
  async listTargets(
    @Param('id', IdPipe) jobId: number,
    @QueryString() query: Query,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Json[]> {
    const page = pageParameters(query);
    const outcome = choiceParameter(query, 'outcome', TARGET_OUTCOMES);
    requireJob(await this.reader.findJobRecord(jobId), jobId);
    const options = outcome === undefined ? page : { ...page, outcome };
    const { items, totalCount } = await this.reader.listTargets(jobId, options);
    const clusters = await this.reader.listClusters();
    const names = new Map(clusters.map(({ id, name }) => [id, name]));
    response.setHeader('Link', linkHeader(request, page, totalCount));
    return items.map((target) => targetView(target, names.get(target.clusterId) ?? ''));
  }

  /** The job once it has ended, or as it stands after a while: it goes on whether somebody waits or not. */
  private async atItsEnd(accepted: JobDetail, response: Response): Promise<JobDetail> {
    const jobId = accepted.job.id;
    const signal = signalOf(response);
    await this.waiter.waitForEnd({ jobId, waitMs: CREATE_WAIT_MS, signal });
    return (await this.reader.findJob(jobId)) ?? accepted;
  }

  @Delete(':id')
  @HttpCode(200)
  @DeleteJobDocs()
  async remove(@Param('id', IdPipe) jobId: number, @Req() request: Request): Promise<void> {
    noteSelector(request, `id=${jobId}`);
    await this.writer.execute('delete-job-record', { atMs: this.edge.clock.nowMs(), jobId });
  }
}

/** Jobs whose end Dragonfly's clients expect in the answer to their order; none that waits for a scheduler. */
function isAwaited({ job, clusters }: JobDetail): boolean {
  if (job.type !== JobType.SyncPeers) return job.type === JobType.Gc;
  return clusters.every(({ orders }) =>
    orders.every(({ schedulerId }) => schedulerId !== undefined),
  );
}

const JOB_STATES = ['PENDING', 'SUCCESS', 'FAILURE'] as const;

function jobFilter(query: Query): JobFilter {
  const type = choiceParameter(query, 'type', [...JOB_TYPES, ...LATER_TYPES]);
  const state = choiceParameter(query, 'state', JOB_STATES);
  const userId = numberParameter(query, 'user_id', ID_BOUNDS);
  return {
    ...(type === undefined ? {} : { type }),
    ...(state === undefined ? {} : { state }),
    ...(userId === undefined ? {} : { userId }),
  };
}

/** Types of jobs that Dragonfly's console lists and that no job has yet: an empty list, no error. */
const LATER_TYPES = ['get_image_distribution'];
