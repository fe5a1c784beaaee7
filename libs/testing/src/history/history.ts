/** What was seen of a cluster from outside. All times are of the one monotonic clock of the observer, in ms. */

/** Bytes of one version of a content that the origin handed to a daemon. `endByte` is exclusive. */
export interface OriginWrite {
  readonly content: string;
  readonly version: number;
  readonly startByte: number;
  readonly endByte: number;
  /** Handed to the kernel; a daemon read them then or later. */
  readonly atMs: number;
}

/** One answer of a host: a piece for a stranger, or a download through the unix socket. */
export interface Answer {
  readonly id: number;
  readonly host: string;
  readonly content: string;
  readonly way: 'pieces' | 'socket';
  /** Just before the question went out. */
  readonly askedAtMs: number;
}

/** Bytes of an answer, all of one version, at their arrival. `endByte` is exclusive. */
export interface Serve {
  readonly answer: Answer;
  readonly version: number;
  readonly startByte: number;
  readonly endByte: number;
  readonly atMs: number;
}

/** A delete job whose end was seen. */
export interface Deletion {
  readonly job: number;
  readonly content: string;
  /** Just before the job was asked for, so surely before it was accepted. */
  readonly askedAtMs: number;
  /** When its end was seen, so surely after it had ended. */
  readonly endSeenAtMs: number;
  readonly state: string;
  readonly finality: string;
  /** Hosts that the job says to have deleted, or to have had nothing. */
  readonly clearedHosts: ReadonlySet<string>;
  /**
   * By answer id: bytes that were out of the daemon's hands and had not arrived yet when the end was
   * seen. An answer that is not named has none.
   */
  readonly heldBytes: ReadonlyMap<number, number>;
}

/** Everything that a check looks at. */
export interface History {
  readonly originWrites: readonly OriginWrite[];
  readonly deletions: readonly Deletion[];
  /** In order of arrival. */
  readonly serves: readonly Serve[];
}

/** Bytes that a host handed out although they were purged. */
export interface StaleServe {
  readonly serve: Serve;
  readonly deletion: Deletion;
  /** Of the serve's bytes, those that may not have left. */
  readonly bytes: number;
}

/** What a check found. */
export interface Verdict {
  /** Serves that arrived after the end of at least one deletion which binds their host. */
  readonly servesChecked: number;
  readonly stale: readonly StaleServe[];
  /** Serves of bytes that the origin never sent. */
  readonly unknown: readonly Serve[];
}
