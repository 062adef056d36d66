import { Queue } from 'workbox-background-sync';
import { recordsOf } from '../records.ts';

declare const self: ServiceWorkerGlobalScope;

/**
 * Workbox as its documentation shows: a request per record is pushed into a queue without a
 * network; at the browser's sync event the queue is replayed by Workbox's own `replayRequests`. The
 * requests sign in by the cookie, like the bench's other requests.
 */
const queue = new Queue('raw', {
  onSync: async ({ queue: due }) => {
    await due.replayRequests();
    channel.postMessage({ left: await due.size() });
  },
});
const channel = new BroadcastChannel('workbox');

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('message', (event) => {
  const { prefix, from, to } = event.data as { prefix: string; from: number; to: number };
  event.waitUntil(push(prefix, from, to).then((pushed) => event.ports[0]?.postMessage(pushed)));
});

async function push(prefix: string, from: number, to: number): Promise<number> {
  for (const record of recordsOf(prefix, to).slice(from)) {
    const body = JSON.stringify([record]);
    await queue.pushRequest({
      request: new Request('/airflow/bench/records', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      }),
    });
  }
  return queue.size();
}
