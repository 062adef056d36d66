import * as v from 'valibot';
import { Queue, QueueStore } from 'workbox-background-sync';
import { StorableRequest } from 'workbox-background-sync/StorableRequest.js';
import type { WakeUpQueue } from './wake-up-queue.ts';

const QUEUE_NAME = 'updraft';
const TAG = `workbox-background-sync:${QUEUE_NAME}`;
const REGISTER_TIMEOUT_MS = 1_000;
const KICK = 'updraft:kick:';
/** Fresh tags that may be pending: each is tried by the browser three times, and brings everything. */
const KICKS_MAX = 3;

const RowSchema = v.object({ id: v.number(), metadata: v.object({ deliveryId: v.string(), lane: v.string() }) });

/**
 * The Workbox queue, used as a list to wake up by. Rows are peeked at and deleted after settling; Workbox's own replay
 * deletes before it sends and takes any answer for success, so it is never used. A row holds the real method and URL,
 * `{ deliveryId, lane }`, and neither body nor credentials. Call while the worker's script is first evaluated:
 * a sync listener added later is not called.
 */
export function createWorkboxQueue(scope: ServiceWorkerGlobalScope, batchUrl: string, onSync: () => Promise<void>): WakeUpQueue {
  const hasSync = 'sync' in scope.registration;
  let syncing = 0;
  const answerSync = async (): Promise<void> => {
    syncing++;
    try {
      await onSync();
    } finally {
      syncing--;
    }
  };
  scope.addEventListener('sync', (event) => {
    if (isSyncEvent(event) && event.tag.startsWith(KICK)) event.waitUntil(answerSync());
  });
  const queue = new Queue(QUEUE_NAME, {
    // Without Background Sync Workbox calls this once at every start, outside any event: the worker drains on messages instead.
    onSync: async () => {
      if (hasSync) await answerSync();
    },
    maxRetentionTime: Number.POSITIVE_INFINITY,
  });
  const store = new QueueStore(queue.name);
  return {
    async peek(lane) {
      const rows = (await store.getAll()) ?? [];
      return rows.flatMap((row) => {
        const parsed = v.safeParse(RowSchema, row);
        return parsed.success && parsed.output.metadata.lane === lane ? [{ id: parsed.output.id, deliveryId: parsed.output.metadata.deliveryId }] : [];
      });
    },
    async push(deliveryId, lane) {
      const request = await StorableRequest.fromRequest(new Request(new URL(batchUrl, scope.location.href), { method: 'POST' }));
      await store.pushEntry({ requestData: request.toObject(), timestamp: Date.now(), metadata: { deliveryId, lane } });
    },
    remove: ({ id }) => store.deleteEntry(id),
    // Registered again while its event runs, the tag would fire at once, for ever; a rejected event is tried again by the browser.
    register: async (isStuck = false) => hasSync && (syncing > 0 || (await withTimeout(registerSync(queue, scope.registration, isStuck), REGISTER_TIMEOUT_MS))),
  };
}

/** Once is enough while the tag is pending. Workbox hides a failed registration; the browser's own list tells. */
async function registerSync(queue: Queue, { sync }: ServiceWorkerRegistration, isStuck: boolean): Promise<boolean> {
  const tags = await sync.getTags();
  if (tags.includes(TAG)) {
    const kicks = tags.filter((tag) => tag.startsWith(KICK));
    if (isStuck && kicks.length < KICKS_MAX) await sync.register(KICK + freshNumber(kicks));
    return true;
  }
  await queue.registerSync();
  return (await sync.getTags()).includes(TAG);
}

/** One that is not pending: a pending tag that is registered again stays in its backoff. */
const freshNumber = (kicks: readonly string[]): number => Math.max(0, ...kicks.map((tag) => Number(tag.slice(KICK.length)) || 0)) + 1;

/** Background Sync's event, which TypeScript does not know. */
function isSyncEvent(event: Event): event is ExtendableEvent & { readonly tag: string } {
  return 'waitUntil' in event && 'tag' in event && typeof event.tag === 'string';
}

/** `registerSync()` can hang (no window open, some browsers): that must not hold up a capture. */
async function withTimeout(work: Promise<boolean>, ms: number): Promise<boolean> {
  return Promise.race([work.catch(() => false), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms))]);
}
