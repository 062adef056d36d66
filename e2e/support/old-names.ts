import type { Page } from '@playwright/test';

/**
 * Turns Ana's replica into the replica of a version without names for apps: database, mirror,
 * wake-up rows and sync tag get the old names, and no row names an app. Call this in a page of the
 * origin that is not connected, while no worker runs.
 */
export function giveOldNames(page: Page): Promise<void> {
  return page.evaluate(async () => {
    const [own, old] = ['updraft@/ ana', 'updraft:ana'];
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(new Error(String(request.error))));
      });
    const nobodys = <T extends { app?: string }>({ app: _, ...row }: T): Omit<T, 'app'> => row;

    const from = await done(indexedDB.open(own));
    const opening = indexedDB.open(old, from.version);
    opening.addEventListener('upgradeneeded', () => {
      for (const name of from.objectStoreNames) {
        const store = from.transaction(name).objectStore(name);
        const made = opening.result.createObjectStore(name, {
          keyPath: store.keyPath,
          autoIncrement: store.autoIncrement,
        });
        for (const at of store.indexNames)
          made.createIndex(at, store.index(at).keyPath, { multiEntry: store.index(at).multiEntry });
      }
    });
    const to = await done(opening);
    for (const name of from.objectStoreNames) {
      const rows = await done(from.transaction(name).objectStore(name).getAll());
      const writing = to.transaction(name, 'readwrite').objectStore(name);
      for (const row of rows as { app?: string }[])
        await done(writing.keyPath === null ? writing.add(row) : writing.put(nobodys(row)));
    }
    from.close();
    to.close();
    await done(indexedDB.deleteDatabase(own));

    const [cache, mirror] = [await caches.open(own), await caches.open(old)];
    for (const request of await cache.keys()) {
      const kept = (await (await cache.match(request))?.json()) as {
        content: { replica: { app?: string } };
      };
      const content = { ...kept.content, replica: nobodys(kept.content.replica) };
      await mirror.put(request, new Response(JSON.stringify({ ...kept, content })));
    }
    await caches.delete(own);

    const queue = await done(indexedDB.open('workbox-background-sync'));
    const requests = queue.transaction('requests', 'readwrite').objectStore('requests');
    for (const row of (await done(requests.getAll())) as object[])
      await done(requests.put({ ...row, queueName: 'updraft' }));
    queue.close();
    const registration = (await navigator.serviceWorker.getRegistration()) as unknown as {
      sync: { register: (tag: string) => Promise<void> };
    };
    await registration.sync.register('workbox-background-sync:updraft');
  });
}
