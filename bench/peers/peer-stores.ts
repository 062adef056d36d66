import { installCaptureBench } from '../capture/page.ts';
import type { PrepareStore } from '../capture/store.ts';

/** Each library's code is loaded only by the page that measures it. */
const lazily =
  (load: () => Promise<PrepareStore>): PrepareStore =>
  async () =>
    (await load())();

installCaptureBench({
  dexie: lazily(async () => (await import('./dexie.ts')).dexieStrict),
  dexie_relaxed: lazily(async () => (await import('./dexie.ts')).dexieRelaxed),
  rxdb: lazily(async () => (await import('./rxdb.ts')).rxdb),
  pouchdb: lazily(async () => (await import('./pouchdb.ts')).pouchdb),
  workbox: lazily(async () => (await import('./workbox.ts')).workbox),
});
