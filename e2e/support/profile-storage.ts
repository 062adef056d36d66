import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from './device.ts';
import { eventually } from './eventually.ts';

/** Returns the folder in which Chromium keeps the IndexedDB of an origin. */
export async function databaseOf({ profile, url }: Device): Promise<string> {
  const { hostname, port } = new URL(url);
  const all = join(profile, 'Default', 'IndexedDB');
  const name = (await readdir(all)).find(
    (entry) => entry === `http_${hostname}_${port}.indexeddb.leveldb`,
  );
  if (name === undefined) throw new Error(`The browser keeps no database of ${url} in ${all}.`);
  return join(all, name);
}

/** Whether a mirror of this device's user holds the unsent changes of all these records. */
export function isMirroredOn(
  { page }: Device,
  user: string,
  ids: readonly string[],
): Promise<boolean> {
  return page.evaluate(
    async ({ name, wanted }) => {
      const cache = await caches.open(`updraft@/ ${name}`);
      const kept = await Promise.all(
        ['/updraft-mirror/0', '/updraft-mirror/1'].map(
          async (place) =>
            (await cache.match(place))?.json() as Promise<
              { content: { records: { id: string }[] } } | undefined
            >,
        ),
      );
      return kept.some((one) =>
        wanted.every((id) => one?.content.records.some((record) => record.id === id)),
      );
    },
    { name: user, wanted: ids },
  );
}

/** The browser closes the connections of the running worker by force, and removes the databases. */
export async function takeDatabases({ cdp, url }: Device): Promise<void> {
  await cdp.send('Storage.clearDataForOrigin', {
    origin: new URL(url).origin,
    storageTypes: 'indexeddb',
  });
}

/**
 * Removes the databases while a single unsent change of Ana's is there and no page open; then the
 * network is back, and only the browser's sync event wakes the worker.
 */
export async function takeDatabasesWithoutPage(device: Device, id: string): Promise<void> {
  await device.setOffline(true);
  await device.put({ id, site: 'A7', status: 'ok' });
  await eventually(() => isMirroredOn(device, 'ana', [id]), 'the mirror has caught up').toBe(true);
  await device.closeTab();
  await takeDatabases(device);
  await device.context.setOffline(false);
}
