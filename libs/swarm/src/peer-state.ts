/** The states of a host's participation in a task. */

/** Names as other daemons of this family show them. */
export const PeerState = {
  Pending: 'Pending',
  ReceivedEmpty: 'ReceivedEmpty',
  ReceivedNormal: 'ReceivedNormal',
  Running: 'Running',
  BackToSource: 'BackToSource',
  Succeeded: 'Succeeded',
  Failed: 'Failed',
  Leave: 'Leave',
} as const;

/** One of the states. */
export type PeerState = (typeof PeerState)[keyof typeof PeerState];

/** What moves a peer from state to state. */
export type PeerEvent =
  | 'registerEmpty'
  | 'registerNormal'
  | 'download'
  | 'downloadBackToSource'
  | 'succeed'
  | 'fail'
  | 'leave';

const TRANSITIONS: Readonly<Record<PeerState, Readonly<Partial<Record<PeerEvent, PeerState>>>>> = {
  Pending: {
    registerEmpty: 'ReceivedEmpty',
    registerNormal: 'ReceivedNormal',
    // A host that tells what it holds succeeded before we knew it.
    succeed: 'Succeeded',
    fail: 'Failed',
    leave: 'Leave',
  },
  ReceivedEmpty: {
    download: 'Running',
    downloadBackToSource: 'BackToSource',
    succeed: 'Succeeded',
    fail: 'Failed',
    leave: 'Leave',
  },
  ReceivedNormal: {
    download: 'Running',
    downloadBackToSource: 'BackToSource',
    succeed: 'Succeeded',
    fail: 'Failed',
    leave: 'Leave',
  },
  Running: {
    downloadBackToSource: 'BackToSource',
    succeed: 'Succeeded',
    fail: 'Failed',
    leave: 'Leave',
  },
  BackToSource: { succeed: 'Succeeded', fail: 'Failed', leave: 'Leave' },
  Succeeded: { fail: 'Failed', leave: 'Leave' },
  Failed: { leave: 'Leave' },
  Leave: {}, // Final: the host downloads the task anew as another peer.
};

/** The state after `event`, or undefined where the event means nothing in `state`. */
export function nextPeerState(state: PeerState, event: PeerEvent): PeerState | undefined {
  return TRANSITIONS[state][event];
}

/**
 * Whether a peer in this state may serve pieces. One under way may: what it has is announced piece by
 * piece. One that has only just been given parents may too, so that peers that come in the same
 * instant find each other.
 */
export function canServe(state: PeerState): boolean {
  return isUnderWay(state) || state === 'BackToSource' || state === 'Succeeded';
}

/** Whether the peer takes pieces from parents, or is about to. */
export function isUnderWay(state: PeerState): boolean {
  return state === 'ReceivedNormal' || state === 'Running';
}

/** Whether the peer's download has come to its end, well or not. */
export function hasEnded(state: PeerState): boolean {
  return state === 'Succeeded' || state === 'Failed' || state === 'Leave';
}
