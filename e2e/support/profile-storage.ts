import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from './device.ts';

/** Where Chromium keeps the IndexedDB of one origin. */
export async function databaseOf({ profile, url }: Device): Promise<string> {
  const { hostname, port } = new URL(url);
  const all = join(profile, 'Default', 'IndexedDB');
  const name = (await readdir(all)).find((entry) => entry === `http_${hostname}_${port}.indexeddb.leveldb`);
  if (name === undefined) throw new Error(`The browser keeps no database of ${url} in ${all}.`);
  return join(all, name);
}

/** How many unsent changes the mirror of this device's user holds. */
export function mirroredOn({ page }: Device, user: string): Promise<number> {
  return page.evaluate(async (name) => {
    const cache = await caches.open(`updraft:${name}`);
    const kept = await Promise.all(
      ['/updraft-mirror/0', '/updraft-mirror/1'].map(
        async (place) => (await cache.match(place))?.json() as Promise<{ content: { unsent: number } } | undefined>,
      ),
    );
    return Math.max(0, ...kept.map((one) => one?.content.unsent ?? 0));
  }, user);
}
