import type { Mirror } from './mirror.ts';

/** After a mirror that took 20 ms to read and write the next one comes 200 ms later. */
const PAUSE_PER_MIRROR = 10;
const PAUSE_MIN_MS = 50;
/** However long it seems to have taken: a clock may have jumped, and what is captured meanwhile is in no mirror. */
const PAUSE_MAX_MS = 5_000;
const CACHE_PREFIX = 'updraft:';
/** Two places in turn: while one is being written the other is whole, whenever the worker or the browser is stopped. */
const PLACES = ['/updraft-mirror/0', '/updraft-mirror/1'] as const;

interface Time {
  readonly sleep: (ms: number) => Promise<void>;
}

interface Kept {
  readonly turn: number;
  readonly content: unknown;
}

/** A mirror in Cache Storage, which browsers keep in other files than IndexedDB. One cache a user; its addresses are asked for by nobody. */
export function createCacheMirror(caches: CacheStorage, user: string, { sleep }: Time): Mirror {
  const name = CACHE_PREFIX + user;
  let turn: number | undefined;
  const readAll = async (): Promise<Kept[]> => {
    if (!(await caches.has(name))) return [];
    const cache = await caches.open(name);
    const kept = await Promise.all(PLACES.map(async (place) => readKept(await cache.match(place))));
    return kept.flatMap((one) => one ?? []).sort((a, b) => b.turn - a.turn);
  };
  return {
    async read() {
      const [newest] = await readAll();
      turn = newest?.turn ?? 0;
      return newest?.content;
    },
    async write(content) {
      turn = (turn ?? (await readAll())[0]?.turn ?? 0) + 1;
      const cache = await caches.open(name);
      await cache.put(
        PLACES[turn % 2 === 0 ? 0 : 1],
        new Response(JSON.stringify({ turn, content } satisfies Kept), { headers: { 'content-type': 'application/json' } }),
      );
    },
    pause: (tookMs) => sleep(Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, tookMs * PAUSE_PER_MIRROR))),
    async remove() {
      turn = undefined;
      await caches.delete(name);
    },
  };
}

/** The users of whom there is a mirror. */
export async function usersWithMirror(caches: CacheStorage): Promise<string[]> {
  return (await caches.keys()).filter((name) => name.startsWith(CACHE_PREFIX)).map((name) => name.slice(CACHE_PREFIX.length));
}

/** One that was cut off while it was written is as good as none. */
async function readKept(response: Response | undefined): Promise<Kept | undefined> {
  try {
    const kept: unknown = await response?.json();
    return typeof kept === 'object' && kept !== null && 'turn' in kept && typeof kept.turn === 'number' && 'content' in kept
      ? { turn: kept.turn, content: kept.content }
      : undefined;
  } catch {
    return undefined;
  }
}
