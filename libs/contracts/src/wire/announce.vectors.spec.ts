/** What a foreign daemon sends to a scheduler, written by hand from the field numbers. A tag byte is number × 8 + wire type (0 varint, 1 64 bit, 2 with length). */

import { Host, Peer } from '../gen/common/v2/common.js';
import { AnnounceHostRequest, AnnouncePeerRequest } from '../gen/scheduler/v2/scheduler.js';
import { describeWire, TASK_ID, TASK_ID_HEX, text } from '../../test/describe-wire.js';

const HOST_ID = text('10.0.0.1-h1');
const PEER_ID = text('p1');
// host_id = 1, task_id = 2, peer_id = 3: the head of every AnnouncePeerRequest.
const HEAD = '0a' + '0b' + HOST_ID + '12' + '40' + TASK_ID_HEX + '1a' + '02' + PEER_ID;
const HEAD_FIELDS = { hostId: '10.0.0.1-h1', taskId: TASK_ID, peerId: 'p1' };

const HOST_HEX = [
  '0a' + '0b' + HOST_ID, // id = 1
  '10' + '01', // type = 2
  '1a' + '02' + text('h1'), // hostname = 3
  '22' + '08' + text('10.0.0.1'), // ip = 4
  '28' + 'a01f', // port = 5: 4000
  '30' + 'a01f', // download_port = 6
  '3a' + '05' + text('linux'), // os = 7
  '42' + '06' + text('debian'), // platform = 8
  '4a' + '06' + text('debian'), // platform_family = 9
  '52' + '02' + text('12'), // platform_version = 10
  '5a' + '03' + text('6.1'), // kernel_version = 11
  '62' + '0b' + '08' + '08' + '19' + '0000000000002940', // cpu = 12 {logical_count = 1: 8, percent = 3: 12.5}
  '6a' + '06' + '08' + '8080808001', // memory = 13 {total = 1: 268435456}
  '72' + '06' + '22' + '01' + text('a') + '48' + '80' + '01', // network = 14 {idc = 4, max_rx_bandwidth = 9: 128}
  '7a' + '03' + '08' + '90' + '4e', // disk = 15 {total = 1: 10000}
  '8201' + '05' + '0a' + '03' + text('1.0'), // build = 16 {git_version = 1}
  '8801' + '01', // scheduler_cluster_id = 17
  '9001' + '01', // disable_shared = 18
  '9801' + 'a11f', // proxy_port = 19: 4001
].join('');

const HOST: Host = {
  ...Host.fromPartial({}),
  id: '10.0.0.1-h1',
  type: 1,
  hostname: 'h1',
  ip: '10.0.0.1',
  port: 4000,
  downloadPort: 4000,
  os: 'linux',
  platform: 'debian',
  platformFamily: 'debian',
  platformVersion: '12',
  kernelVersion: '6.1',
  cpu: { logicalCount: 8, physicalCount: 0, percent: 12.5, processPercent: 0 },
  memory: {
    total: 268_435_456n,
    available: 0n,
    used: 0n,
    usedPercent: 0,
    processUsedPercent: 0,
    free: 0n,
  },
  network: {
    tcpConnectionCount: 0,
    uploadTcpConnectionCount: 0,
    location: undefined,
    idc: 'a',
    maxRxBandwidth: 128n,
    rxBandwidth: undefined,
    maxTxBandwidth: 0n,
    txBandwidth: undefined,
  },
  disk: {
    total: 10_000n,
    free: 0n,
    used: 0n,
    usedPercent: 0,
    inodesTotal: 0n,
    inodesUsed: 0n,
    inodesFree: 0n,
    inodesUsedPercent: 0,
    readBandwidth: 0n,
    writeBandwidth: 0n,
  },
  build: {
    gitVersion: '1.0',
    gitCommit: undefined,
    goVersion: undefined,
    rustVersion: undefined,
    platform: undefined,
  },
  schedulerClusterId: 1n,
  disableShared: true,
  proxyPort: 4001,
};

describeWire('AnnounceHostRequest', AnnounceHostRequest, [
  { name: 'of nothing', hex: '', message: { host: undefined, interval: undefined } },
  {
    name: 'of a seed peer',
    // host = 1 (119 bytes), interval = 2 {seconds = 1: 300, nanos = 2: 1}
    hex: '0a' + '77' + HOST_HEX + '12' + '05' + '08' + 'ac02' + '10' + '01',
    message: { host: HOST, interval: { seconds: 300n, nanos: 1 } },
  },
]);

// number = 1: 3, parent_id = 2, offset = 3, length = 4: both 4 MiB × n, digest = 5, traffic_type = 7, cost = 8 {seconds = 1: 2}, created_at = 9
const PIECE_HEX = [
  '08' + '03',
  '12' + '02' + text('p2'),
  '18' + '80808006',
  '20' + '80808002',
  '2a' + '07' + text('crc32:1'),
  '38' + '01',
  '42' + '02' + '08' + '02',
  '4a' + '06' + '08' + '80e2cfaa06', // 1700000000 s
].join('');
const PIECE = {
  number: 3,
  parentId: 'p2',
  offset: 12_582_912n,
  length: 4_194_304n,
  digest: 'crc32:1',
  content: undefined,
  trafficType: 1,
  cost: { seconds: 2n, nanos: 0 },
  createdAt: new Date(1_700_000_000_000),
};
// The origin's: no parent_id, traffic_type 0 is present because the field is optional.
const ORIGIN_PIECE_HEX = ['20' + '05', '2a' + '07' + text('crc32:1'), '38' + '00'].join('');
const ORIGIN_PIECE = {
  number: 0,
  parentId: undefined,
  offset: 0n,
  length: 5n,
  digest: 'crc32:1',
  content: undefined,
  trafficType: 0,
  cost: undefined,
  createdAt: undefined,
};

const DOWNLOAD_HEX = [
  '0a' + '0a' + text('http://o/f'), // url = 1
  '12' + '07' + text('crc32:1'), // digest = 2
  '1a' + '04' + '08' + '01' + '10' + '02', // range = 3 {start = 1: 1, length = 2: 2}
  '2a' + '01' + text('t'), // tag = 5
  '32' + '01' + text('a'), // application = 6
  '38' + '06', // priority = 7
  '42' + '01' + text('X'), // filtered_query_params = 8
  '4a' + '06' + '0a' + '01' + text('k') + '12' + '01' + text('v'), // request_header = 9
  '50' + '80808002', // piece_length = 10: 4 MiB
  '62' + '02' + '08' + '0a', // timeout = 12 {seconds = 1: 10}
  '68' + '01', // disable_back_to_source = 13
  '70' + '01', // need_back_to_source = 14
  'a001' + '01', // need_piece_content = 20
  'ba01' + '01' + text('c'), // content_for_calculating_task_id = 23
  'c801' + '08', // concurrent_piece_count = 25
  'd801' + '80808002', // actual_piece_length = 27
  'e001' + '05', // actual_content_length = 28
  'e801' + '01', // actual_piece_count = 29
].join('');
const DOWNLOAD = {
  url: 'http://o/f',
  digest: 'crc32:1',
  range: { start: 1n, length: 2n },
  tag: 't',
  application: 'a',
  priority: 6,
  filteredQueryParams: ['X'],
  requestHeader: { k: 'v' },
  pieceLength: 4_194_304n,
  timeout: { seconds: 10n, nanos: 0 },
  disableBackToSource: true,
  needBackToSource: true,
  needPieceContent: true,
  contentForCalculatingTaskId: 'c',
  concurrentPieceCount: 8,
  actualPieceLength: 4_194_304n,
  actualContentLength: 5n,
  actualPieceCount: 1n,
};

const ASKED = { ...HEAD_FIELDS };
describeWire('AnnouncePeerRequest', AnnouncePeerRequest, [
  {
    name: 'register with every field of Download in use',
    // register_peer_request = 4 (111 bytes) {download = 1 (109 bytes)}
    hex: HEAD + '22' + size(DOWNLOAD_HEX, 2) + '0a' + size(DOWNLOAD_HEX) + DOWNLOAD_HEX,
    message: AnnouncePeerRequest.fromPartial({
      ...ASKED,
      request: { $case: 'registerPeerRequest', value: { download: DOWNLOAD } },
    }),
  },
  {
    name: 'started',
    hex: HEAD + '2a' + '00',
    message: {
      ...ASKED,
      request: { $case: 'downloadPeerStartedRequest', value: {} },
    },
  },
  {
    name: 'back-to-source started, with a description',
    hex: HEAD + '32' + '05' + '0a' + '03' + text('why'),
    message: {
      ...ASKED,
      request: {
        $case: 'downloadPeerBackToSourceStartedRequest',
        value: { description: 'why' },
      },
    },
  },
  {
    name: 'reschedule away from a parent',
    hex: HEAD + '3a' + '06' + '0a' + '04' + '0a' + '02' + text('p2'),
    message: {
      ...ASKED,
      request: {
        $case: 'reschedulePeerRequest',
        value: { candidateParents: [Peer.fromPartial({ id: 'p2' })], description: undefined },
      },
    },
  },
  {
    name: 'finished',
    hex: HEAD + '42' + '00',
    message: { ...ASKED, request: { $case: 'downloadPeerFinishedRequest', value: {} } },
  },
  {
    name: 'back-to-source finished',
    hex: HEAD + '4a' + '00',
    message: {
      ...ASKED,
      request: { $case: 'downloadPeerBackToSourceFinishedRequest', value: {} },
    },
  },
  {
    name: 'failed',
    hex: HEAD + '52' + '00',
    message: {
      ...ASKED,
      request: { $case: 'downloadPeerFailedRequest', value: { description: undefined } },
    },
  },
  {
    name: 'back-to-source failed',
    hex: HEAD + '5a' + '00',
    message: {
      ...ASKED,
      request: {
        $case: 'downloadPeerBackToSourceFailedRequest',
        value: { description: undefined },
      },
    },
  },
  {
    name: 'piece finished',
    hex: HEAD + '62' + size(PIECE_HEX, 2) + '0a' + size(PIECE_HEX) + PIECE_HEX,
    message: {
      ...ASKED,
      request: { $case: 'downloadPieceFinishedRequest', value: { piece: PIECE } },
    },
  },
  {
    name: 'piece finished from the origin',
    hex: HEAD + '6a' + '0f' + '0a' + '0d' + ORIGIN_PIECE_HEX,
    message: {
      ...ASKED,
      request: {
        $case: 'downloadPieceBackToSourceFinishedRequest',
        value: { piece: ORIGIN_PIECE },
      },
    },
  },
  {
    name: 'piece 0 failed for good reason',
    hex: HEAD + '72' + '08' + '08' + '00' + '12' + '02' + text('p2') + '18' + '01',
    message: {
      ...ASKED,
      request: {
        $case: 'downloadPieceFailedRequest',
        value: { pieceNumber: 0, parentId: 'p2', temporary: true },
      },
    },
  },
  {
    name: 'piece failed at the origin with its answer',
    // piece_number = 1, backend = 2 {message = 1, header = 2 {k: v}, status_code = 3: 404}
    hex:
      HEAD +
      '7a' +
      '12' +
      '08' +
      '01' +
      '12' +
      '0e' +
      '0a' +
      '01' +
      text('m') +
      '12' +
      '06' +
      '0a' +
      '01' +
      text('k') +
      '12' +
      '01' +
      text('v') +
      '18' +
      '9403',
    message: {
      ...ASKED,
      request: {
        $case: 'downloadPieceBackToSourceFailedRequest',
        value: {
          pieceNumber: 1,
          response: {
            $case: 'backend',
            value: { message: 'm', header: { k: 'v' }, statusCode: 404 },
          },
        },
      },
    },
  },
]);

/** Length of hex bytes, plus the bytes of a head that stands before them, as one varint byte. */
function size(hex: string, extraBytes = 0): string {
  const bytes = hex.length / 2 + extraBytes;
  if (bytes > 127) throw new Error('write this length by hand');
  return bytes.toString(16).padStart(2, '0');
}
