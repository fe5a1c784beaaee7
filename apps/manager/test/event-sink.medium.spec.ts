import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'express';
import { EventSink, type SinkEnd } from '../src/job-events/event-sink.js';
import { EventClient } from './event-client.js';

const CHUNK = `event: big\ndata: "${'x'.repeat(64 * 1024)}"\n\n`;
/** Far more than the buffers of a connection hold. */
const CHUNKS = 1_000;

describe('The answer to a client that follows events', () => {
  let server: Server;
  let sink: Promise<{ sink: EventSink; ended: Promise<SinkEnd> }>;
  let url: string;

  beforeEach(async () => {
    let opened: (value: { sink: EventSink; ended: Promise<SinkEnd> }) => void;
    sink = new Promise((resolve) => (opened = resolve));
    server = createServer((_request, response) => {
      let end: (how: SinkEnd) => void = () => undefined;
      const ended = new Promise<SinkEnd>((resolve) => (end = resolve));
      opened({ sink: new EventSink(response as Response, end, 300), ended });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('is cut when the client takes nothing for too long, and holds no more than a little until then', async () => {
    const client = await EventClient.open(url);
    client.pause();
    const { sink: slow, ended } = await sink;
    let written = 0;
    for (; written < CHUNKS && slow.isWritable; written += 1) await slow.write(CHUNK);
    expect(await ended).toBe('slow');
    expect(written).toBeLessThan(CHUNKS);
  });

  it('waits for a client that is slow but reads', async () => {
    const client = await EventClient.open(url);
    const { sink: steady } = await sink;
    for (let written = 0; written < 100; written += 1) await steady.write(CHUNK);
    steady.end();
    await client.ended;
    expect(client.events).toHaveLength(100);
  });

  it('notices a client that leaves', async () => {
    const client = await EventClient.open(url);
    const { sink: left, ended } = await sink;
    client.leave();
    expect(await ended).toBe('gone');
    await left.write(CHUNK);
    expect(left.isWritable).toBe(false);
  });
});
