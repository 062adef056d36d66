import * as v from 'valibot';
import { Queue, QueueStore } from 'workbox-background-sync';
import { StorableRequest } from 'workbox-background-sync/StorableRequest.js';
import { appName, appOf, OLD_QUEUE } from '../store/names.ts';
import type { WakeUpQueue } from './wake-up-queue.ts';

const tagOf = (queueName: string): string => `workbox-background-sync:${queueName}`;
const REGISTER_TIMEOUT_MS = 1_000;
const KICK = 'updraft:kick:';
/**
 * The limit of pending fresh tags. The browser tries each tag three times, and each event drains
 * everything.
 */
const KICKS_MAX = 3;

const RowSchema = v.object({
  id: v.number(),
  metadata: v.object({ deliveryId: v.string(), lane: v.string() }),
});

/**
 * The Workbox queue as a list of wake-ups. Rows are peeked at and deleted after settling. Workbox's
 * own replay is never used: replay deletes before sending and takes any answer for success. A row
 * holds the real method and URL, `{ deliveryId, lane }`, and neither body nor credentials.
 * Call while the worker's script is first evaluated: a sync listener added later is not called.
 */
export function createWorkboxQueue(
  scope: ServiceWorkerGlobalScope,
  batchUrl: string,
  onSync: () => Promise<void>,
): WakeUpQueue {
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
    if (isSyncEvent(event) && (event.tag.startsWith(KICK) || event.tag === tagOf(OLD_QUEUE)))
      event.waitUntil(answerSync());
  });
  const queue = new Queue(appName(appOf(scope.registration.scope)), {
    // Without Background Sync Workbox calls `onSync` once at every start, outside any event. The
    // worker drains on messages instead.
    onSync: async () => {
      if (hasSync) await answerSync();
    },
    maxRetentionTime: Number.POSITIVE_INFINITY,
  });
  const store = new QueueStore(queue.name);
  /**
   * Rows from before apps had names; an id is unique in the whole database. A removed row that
   * another app's replica needs is made anew by that app.
   */
  const old = new QueueStore(OLD_QUEUE);
  let mayHaveOld = true;
  const oldRows = async (): Promise<unknown[]> => {
    if (!mayHaveOld) return [];
    const rows = (await old.getAll()) ?? [];
    mayHaveOld = rows.length > 0;
    return rows;
  };
  return {
    async peek(lane) {
      const rows: unknown[] = [...(await oldRows()), ...((await store.getAll()) ?? [])];
      return rows.flatMap((row) => {
        const parsed = v.safeParse(RowSchema, row);
        return parsed.success && parsed.output.metadata.lane === lane
          ? [{ id: parsed.output.id, deliveryId: parsed.output.metadata.deliveryId }]
          : [];
      });
    },
    async push(deliveryId, lane) {
      const request = await StorableRequest.fromRequest(
        new Request(new URL(batchUrl, scope.location.href), { method: 'POST' }),
      );
      await store.pushEntry({
        requestData: request.toObject(),
        timestamp: Date.now(),
        metadata: { deliveryId, lane },
      });
    },
    remove: ({ id }) => store.deleteEntry(id),
    // A tag registered again while its event runs would fire at once, for ever. The browser itself
    // tries a rejected event again.
    register: async (isStuck = false) =>
      hasSync &&
      (syncing > 0 ||
        (await withTimeout(registerSync(queue, scope.registration, isStuck), REGISTER_TIMEOUT_MS))),
  };
}

/**
 * Registers the sync. A pending tag needs no second registration. Workbox hides a failed
 * registration, so the browser's own list decides the result.
 */
async function registerSync(
  queue: Queue,
  { sync }: ServiceWorkerRegistration,
  isStuck: boolean,
): Promise<boolean> {
  const tag = tagOf(queue.name);
  const tags = await sync.getTags();
  if (tags.includes(tag)) {
    const kicks = tags.filter((one) => one.startsWith(KICK));
    if (isStuck && kicks.length < KICKS_MAX) await sync.register(KICK + freshNumber(kicks));
    return true;
  }
  await queue.registerSync();
  return (await sync.getTags()).includes(tag);
}

/**
 * Returns a number that is not pending: a pending tag that is registered again stays in its
 * backoff.
 */
const freshNumber = (kicks: readonly string[]): number =>
  Math.max(0, ...kicks.map((tag) => Number(tag.slice(KICK.length)) || 0)) + 1;

/** Background Sync's event, which TypeScript does not declare. */
function isSyncEvent(event: Event): event is ExtendableEvent & { readonly tag: string } {
  return 'waitUntil' in event && 'tag' in event && typeof event.tag === 'string';
}

/**
 * Limits `registerSync()`, which can hang (no window open, some browsers) and must not hold up a
 * capture.
 */
async function withTimeout(work: Promise<boolean>, ms: number): Promise<boolean> {
  return Promise.race([
    work.catch(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms)),
  ]);
}
