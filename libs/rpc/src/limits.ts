/** Limits of every channel and listener. */

/** Largest answer, and largest message of a channel: a piece's content in the compatible stream is at most 64 MiB. */
export const MESSAGE_SIZE_BYTES_MAX = 68 * 1024 * 1024;
/** Largest request of a listener that names no other: lists in requests have at most a few thousand short items. */
export const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
/** A silent connection is probed after this long … */
export const KEEPALIVE_TIME_MS = 30_000;
/** … and given up when the probe has no answer for this long. */
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/** Messages of one stream handed to the transport and not yet taken by it; a writer waits beyond that. */
export const WRITES_IN_FLIGHT_MAX = 2;
/** Longest error message put on the wire; HTTP/2 headers are limited. */
export const STATUS_MESSAGE_LENGTH_MAX = 1_024;
/** First wait before a lost connection is dialled again; grows to RECONNECT_DELAY_MS_MAX. */
export const RECONNECT_DELAY_MS_MIN = 100;
/** grpc-js would wait up to two minutes; a restarted daemon must be found again within its leases. */
export const RECONNECT_DELAY_MS_MAX = 2_000;
/** An address not asked for during this time loses its channel. */
export const CHANNEL_IDLE_MS = 300_000;
/** Channels kept open; beyond, the longest unused is closed. */
export const CHANNELS_MAX = 1_024;

/** Bytes in flight of one stream; HTTP/2's own 64 KiB would make content wait for its reader at every turn. */
export const FLOW_CONTROL_WINDOW_BYTES = 4 * 1024 * 1024;

/** Options common to channels and listeners. */
export const CHANNEL_OPTIONS = {
  'grpc.max_send_message_length': MESSAGE_SIZE_BYTES_MAX,
  'grpc.max_receive_message_length': MESSAGE_SIZE_BYTES_MAX,
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
  'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
} as const;
