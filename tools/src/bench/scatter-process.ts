/** The process behind `ScatterGather`: subscribers, each on a connection of its own, that answer at once. */

import { BrokerConnection } from '@pondhawk/messaging';
import { answerParent } from './bench-child.js';

const ANSWER = Buffer.from(JSON.stringify({ outcome: 'deleted', copies: 1, deleted_bytes: 65536 }));
const connections: BrokerConnection[] = [];

async function subscribe(question: {
  readonly url: string;
  readonly subject: string;
  readonly count: number;
}): Promise<void> {
  for (let number = 0; number < question.count; number++) {
    const connection = new BrokerConnection({ url: question.url, name: `subscriber ${number}` });
    connections.push(connection);
    connection.start();
    const client = await connection.ready();
    client.subscribe(question.subject, { callback: (_, message) => void message.respond(ANSWER) });
    await client.flush();
  }
}

async function stop(): Promise<void> {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
}

answerParent({ subscribe, stop }, stop);
