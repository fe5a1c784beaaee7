import { dfdaemonV2, pondhawkV1 } from '@pondhawk/contracts';

/**
 * What each method of each listener lets out. `content`: bytes of copies, which must ask the gate at
 * each write (`serving-gate.medium.spec.ts`). `facts`: what is told of tasks and hosts. Pieces have a
 * port of their own (`piece-serving.medium.spec.ts`). A download to a path (`output_path`) is refused.
 */
const WAYS: Record<string, Record<string, 'content' | 'facts'>> = {
  'TCP, DfdaemonUpload': {
    downloadTask: 'content',
    statLocalTask: 'facts',
    deleteTask: 'facts',
    syncPieces: 'facts',
    syncHost: 'facts',
  },
  'unix socket, DfdaemonDownload': {
    downloadTask: 'content',
    statLocalTask: 'facts',
    listLocalTasks: 'facts',
    deleteTask: 'facts',
    deleteLocalTask: 'facts',
  },
  'unix socket, Local': { listCopies: 'facts' },
};

describe('The ways by which bytes leave a host', () => {
  it.each([
    ['TCP, DfdaemonUpload', dfdaemonV2.DfdaemonUploadService],
    ['unix socket, DfdaemonDownload', dfdaemonV2.DfdaemonDownloadService],
    ['unix socket, Local', pondhawkV1.LocalService],
  ])('are all known: %s', (listener, service) => {
    expect(Object.keys(service).sort()).toEqual(Object.keys(WAYS[listener] ?? {}).sort());
  });
});
