/** Deleting and looking up tasks on a foreign daemon, and what it asks of a manager; written by hand from the field numbers. */

import * as dfdaemon from '../gen/dfdaemon/v2/dfdaemon.js';
import {
  ListSchedulersRequest,
  ListSchedulersResponse,
  SourceType,
} from '../gen/manager/v2/manager.js';
import * as scheduler from '../gen/scheduler/v2/scheduler.js';
import { describeWire, TASK_ID, TASK_ID_HEX, text } from '../../test/describe-wire.js';

const TASK_1 = '0a' + '40' + TASK_ID_HEX; // task_id = 1
const FROM = '12' + '08' + text('10.0.0.9'); // remote_ip = 2

describeWire('dfdaemon DeleteTaskRequest', dfdaemon.DeleteTaskRequest, [
  { name: 'of nobody', hex: TASK_1, message: { taskId: TASK_ID, remoteIp: undefined } },
  {
    name: 'with the caller’s address',
    hex: TASK_1 + FROM,
    message: { taskId: TASK_ID, remoteIp: '10.0.0.9' },
  },
  {
    name: 'with an empty address, which is present',
    hex: TASK_1 + '12' + '00',
    message: { taskId: TASK_ID, remoteIp: '' },
  },
]);

describeWire('dfdaemon DeleteLocalTaskRequest', dfdaemon.DeleteLocalTaskRequest, [
  {
    name: 'with the caller’s address',
    hex: TASK_1 + FROM,
    message: { taskId: TASK_ID, remoteIp: '10.0.0.9' },
  },
]);

describeWire('scheduler DeleteTaskRequest', scheduler.DeleteTaskRequest, [
  {
    name: 'host id = 1, task id = 2',
    hex: '0a' + '02' + text('h1') + '12' + '40' + TASK_ID_HEX,
    message: { hostId: 'h1', taskId: TASK_ID },
  },
]);

describeWire('StatLocalTaskRequest', dfdaemon.StatLocalTaskRequest, [
  {
    name: 'with the caller’s address',
    hex: TASK_1 + FROM,
    message: { taskId: TASK_ID, remoteIp: '10.0.0.9' },
  },
]);

const EMPTY_STAT: dfdaemon.StatLocalTaskResponse = {
  taskId: TASK_ID,
  pieceLength: undefined,
  contentLength: undefined,
  responseHeader: {},
  uploadingCount: 0n,
  uploadedCount: 0n,
  createdAt: undefined,
  updatedAt: undefined,
  prefetchedAt: undefined,
  failedAt: undefined,
  finishedAt: undefined,
};

describeWire('StatLocalTaskResponse', dfdaemon.StatLocalTaskResponse, [
  { name: 'of a task just begun: zero fields are absent', hex: TASK_1, message: EMPTY_STAT },
  {
    name: 'of an empty file: a length of 0 is present',
    hex: TASK_1 + '18' + '00',
    message: { ...EMPTY_STAT, contentLength: 0n },
  },
  {
    name: 'with everything',
    hex: [
      TASK_1,
      '10' + '80808002', // piece_length = 2: 4 MiB
      '18' + '80808080' + '40', // content_length = 3: 16 GiB
      '22' + '06' + '0a' + '01' + text('k') + '12' + '01' + text('v'), // response_header = 4
      '28' + '01', // uploading_count = 5
      '30' + '02', // uploaded_count = 6
      '3a' + '06' + '08' + '80e2cfaa06', // created_at = 7: 1700000000 s
      '42' + '0c' + '08' + '80e2cfaa06' + '10' + '80cab5ee01', // updated_at = 8: … and 0.5 s
      '4a' + '06' + '08' + '80e2cfaa06', // prefetched_at = 9
      '52' + '06' + '08' + '80e2cfaa06', // failed_at = 10
      '5a' + '06' + '08' + '80e2cfaa06', // finished_at = 11
    ].join(''),
    message: {
      taskId: TASK_ID,
      pieceLength: 4_194_304n,
      contentLength: 17_179_869_184n,
      responseHeader: { k: 'v' },
      uploadingCount: 1n,
      uploadedCount: 2n,
      createdAt: new Date(1_700_000_000_000),
      updatedAt: new Date(1_700_000_000_500),
      prefetchedAt: new Date(1_700_000_000_000),
      failedAt: new Date(1_700_000_000_000),
      finishedAt: new Date(1_700_000_000_000),
    },
  },
]);

describeWire('ListSchedulersRequest', ListSchedulersRequest, [
  {
    name: 'of a daemon',
    hex: [
      '08' + '01', // source_type = 1: PEER_SOURCE
      '12' + '02' + text('h1'), // hostname = 2
      '1a' + '08' + text('10.0.0.1'), // ip = 3
      '22' + '01' + text('i'), // idc = 4
      '2a' + '01' + text('l'), // location = 5
      '32' + '05' + text('1.5.1'), // version = 6
      '3a' + '04' + text('ff17'), // commit = 7
      '40' + '01', // scheduler_cluster_id = 8
    ].join(''),
    message: {
      sourceType: SourceType.PEER_SOURCE,
      hostname: 'h1',
      ip: '10.0.0.1',
      idc: 'i',
      location: 'l',
      version: '1.5.1',
      commit: 'ff17',
      schedulerClusterId: 1n,
    },
  },
]);

const CLUSTER_HEX = [
  '08' + '01', // id = 1
  '12' + '01' + text('c'), // name = 2
  '2a' + '02' + text('{}'), // client_config = 5
].join('');
const SCHEDULER_HEX = [
  '08' + '07', // id = 1
  '12' + '02' + text('s1'), // hostname = 2
  '2a' + '08' + text('10.0.0.5'), // ip = 5
  '30' + 'c23e', // port = 6: 8002
  '3a' + '06' + text('active'), // state = 7
  '40' + '01', // scheduler_cluster_id = 8
  '4a' + '09' + CLUSTER_HEX, // scheduler_cluster = 9
  '5a' + '0c' + text('["schedule"]'), // features = 11
].join('');

describeWire('ListSchedulersResponse', ListSchedulersResponse, [
  { name: 'of none', hex: '', message: { schedulers: [] } },
  {
    name: 'of one with its cluster, which a daemon insists on',
    hex: '0a' + '36' + SCHEDULER_HEX,
    message: {
      schedulers: [
        {
          id: 7n,
          hostname: 's1',
          idc: undefined,
          location: undefined,
          ip: '10.0.0.5',
          port: 8002,
          state: 'active',
          schedulerClusterId: 1n,
          schedulerCluster: {
            id: 1n,
            name: 'c',
            bio: '',
            config: Buffer.alloc(0),
            clientConfig: Buffer.from('{}'),
            scopes: Buffer.alloc(0),
            seedClientConfig: Buffer.alloc(0),
          },
          seedPeers: [],
          features: Buffer.from('["schedule"]'),
        },
      ],
    },
  },
]);
