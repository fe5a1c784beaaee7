/** Limits and times of everything that goes over the broker. */

/** How long the broker keeps a message; what is older is sent again by its owner. */
export const STREAM_AGE_MS_MAX = 3_600_000;
/** Bytes a stream keeps; beyond, the oldest message is dropped. */
export const STREAM_SIZE_BYTES_MAX = 256 * 1024 * 1024;
/** A message with an id seen within this time is swallowed. */
export const DUPLICATE_WINDOW_MS = 120_000;
/** A message not acknowledged, nor worked on, for this long is delivered again. */
export const ACK_WAIT_MS = 30_000;
/** Messages of one consumer under way at a time; the broker holds the others back. */
export const ACK_PENDING_MAX = 256;
/** How long the broker may take to answer a publish, an acknowledgement or a request. */
export const BROKER_TIMEOUT_MS = 5_000;
/** Wait between two attempts to connect, or to find the stream and consumer again. */
export const RECONNECT_DELAY_MS_MIN = 100;
/** See RECONNECT_DELAY_MS_MIN; the wait grows up to this. */
export const RECONNECT_DELAY_MS_MAX = 2_000;
/** A connection on which the broker is silent is probed this often; two silent probes end it. */
export const PING_INTERVAL_MS = 5_000;
/** First wait before a failed message is delivered again, doubled each time … */
export const REDELIVERY_DELAY_MS_MIN = 500;
/** … up to this. */
export const REDELIVERY_DELAY_MS_MAX = 30_000;
/** An idle consumer hears from the broker this often; two silences and it is looked for again. */
export const IDLE_HEARTBEAT_MS = 2_000;
/** One request for messages lives this long at the broker. */
export const PULL_EXPIRES_MS = 10_000;
/** How long `close` waits for handlers under way; what is unfinished is delivered again later. */
export const DRAIN_MS_MAX = 10_000;
