import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  nanos,
  type JetStreamManager,
  type StreamConfig,
} from 'nats';
import {
  jobsStream,
  jobsStreamSubject,
  reportsStream,
  reportsStreamSubject,
} from '@pondhawk/contracts';
import type { BrokerConnection } from './broker-connection.js';
import {
  ACK_PENDING_MAX,
  ACK_WAIT_MS,
  BROKER_TIMEOUT_MS,
  DUPLICATE_WINDOW_MS,
  STREAM_AGE_MS_MAX,
  STREAM_SIZE_BYTES_MAX,
} from './limits.js';
import { isNotFound, toMessagingError } from './messaging-error.js';

/** When the streams were made, as the broker tells it; another time means another broker. */
export interface StreamCreationTimes {
  readonly jobs: string;
  readonly reports: string;
}

/** A durable consumer: its place in a stream outlives connections. */
export interface DurableSpec {
  readonly stream: string;
  readonly durable: string;
  readonly filterSubject: string;
  /** Default ACK_WAIT_MS. */
  readonly ackWaitMs?: number;
  /** Default ACK_PENDING_MAX. */
  readonly ackPendingMax?: number;
}

/**
 * Makes the streams of orders and of reports unless they exist.
 *
 * @param epoch what the manager hands out as the broker's epoch.
 * @throws UnavailableError as `toMessagingError`.
 */
export async function ensureStreams(
  connection: BrokerConnection,
  epoch: string,
): Promise<StreamCreationTimes> {
  const manager = await managerOf(connection);
  const jobs = { name: jobsStream(epoch), subject: jobsStreamSubject(epoch) };
  const reports = { name: reportsStream(epoch), subject: reportsStreamSubject(epoch) };
  return {
    jobs: await ensureStream(manager, jobs),
    reports: await ensureStream(manager, reports),
  };
}

/** When the streams were made; empty for one that is not there. @throws UnavailableError as `toMessagingError`. */
export async function findStreams(
  connection: BrokerConnection,
  epoch: string,
): Promise<StreamCreationTimes> {
  const manager = await managerOf(connection);
  const find = async (name: string): Promise<string> => {
    try {
      return (await manager.streams.info(name)).created;
    } catch (error) {
      if (isNotFound(error)) return '';
      throw toMessagingError(error);
    }
  };
  return { jobs: await find(jobsStream(epoch)), reports: await find(reportsStream(epoch)) };
}

/** Removes the streams of an epoch, if they are there. @throws UnavailableError as `toMessagingError`. */
export async function deleteStreams(connection: BrokerConnection, epoch: string): Promise<void> {
  const manager = await managerOf(connection);
  for (const name of [jobsStream(epoch), reportsStream(epoch)]) {
    try {
      await manager.streams.delete(name);
    } catch (error) {
      if (!isNotFound(error)) throw toMessagingError(error);
    }
  }
}

/** Makes a durable consumer unless it exists. @throws UnavailableError as `toMessagingError`. */
export async function ensureDurable(
  connection: BrokerConnection,
  spec: DurableSpec,
): Promise<void> {
  const manager = await managerOf(connection);
  try {
    await manager.consumers.add(spec.stream, {
      durable_name: spec.durable,
      filter_subject: spec.filterSubject,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(spec.ackWaitMs ?? ACK_WAIT_MS),
      max_ack_pending: spec.ackPendingMax ?? ACK_PENDING_MAX,
    });
  } catch (error) {
    throw toMessagingError(error);
  }
}

async function ensureStream(
  manager: JetStreamManager,
  { name, subject }: { name: string; subject: string },
): Promise<string> {
  const config: Partial<StreamConfig> = {
    name,
    subjects: [subject],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(STREAM_AGE_MS_MAX),
    max_bytes: STREAM_SIZE_BYTES_MAX,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
  try {
    return (await manager.streams.info(name)).created;
  } catch (error) {
    if (!isNotFound(error)) throw toMessagingError(error);
  }
  try {
    return (await manager.streams.add(config)).created;
  } catch (error) {
    throw toMessagingError(error);
  }
}

async function managerOf(connection: BrokerConnection): Promise<JetStreamManager> {
  try {
    return await connection
      .require()
      .jetstreamManager({ checkAPI: false, timeout: BROKER_TIMEOUT_MS });
  } catch (error) {
    throw toMessagingError(error);
  }
}
