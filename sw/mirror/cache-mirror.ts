import type { Mirror } from './mirror.ts';

/** Rest after a mirror, in multiples of its duration: 200 ms after a mirror that took 20 ms. */
const PAUSE_PER_MIRROR = 10;
const PAUSE_MIN_MS = 50;
/**
 * Upper limit of the rest: the clock may have jumped, and captures made during the rest are in no
 * mirror.
 */
const PAUSE_MAX_MS = 5_000;
/**
 * Two places, written in turn: while a place is being written the other is complete, whenever
 * worker or browser is stopped.
 */
const PLACES = ['/updraft-mirror/0', '/updraft-mirror/1'] as const;

interface Time {
  readonly sleep: (ms: number) => Promise<void>;
}

interface Kept {
  readonly turn: number;
  readonly content: unknown;
}

/**
 * A mirror in Cache Storage, which browsers keep in other files than IndexedDB. Each replica has a
 * cache of its name (`names.ts`); no page requests these addresses.
 */
export function createCacheMirror(caches: CacheStorage, name: string, { sleep }: Time): Mirror {
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
        new Response(JSON.stringify({ turn, content } satisfies Kept), {
          headers: { 'content-type': 'application/json' },
        }),
      );
    },
    pause: (tookMs) =>
      sleep(Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, tookMs * PAUSE_PER_MIRROR))),
    async remove() {
      turn = undefined;
      await caches.delete(name);
    },
  };
}

/** Parses a stored mirror; undefined for a mirror that was cut off while being written. */
async function readKept(response: Response | undefined): Promise<Kept | undefined> {
  try {
    const kept: unknown = await response?.json();
    return typeof kept === 'object' &&
      kept !== null &&
      'turn' in kept &&
      typeof kept.turn === 'number' &&
      'content' in kept
      ? { turn: kept.turn, content: kept.content }
      : undefined;
  } catch {
    return undefined;
  }
}
