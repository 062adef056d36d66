import { Queue } from 'workbox-background-sync';

declare const self: ServiceWorkerGlobalScope;

const queues = new Map<string, Queue>();

/**
 * A queue as Workbox's documentation shows it, but without the fetch that fails first: the request
 * is pushed at once, and the reply goes to the page after that.
 */
self.addEventListener('message', (event) => {
  const { name, document } = event.data as { name: string; document?: unknown };
  const queue = queues.get(name) ?? new Queue(name);
  queues.set(name, queue);
  const answer = async (): Promise<void> => {
    if (document !== undefined)
      await queue.pushRequest({
        request: new Request('/documents', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(document),
        }),
      });
    event.ports[0]?.postMessage({ ok: document === undefined ? await queue.size() : 1 });
  };
  event.waitUntil(answer().catch((error) => event.ports[0]?.postMessage({ error: String(error) })));
});
