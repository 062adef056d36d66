import type { Broadcast } from '../../shared/messages.ts';
import { appName } from '../store/names.ts';

const PLACE = '/updraft-channel';

/**
 * The channel on which an app's pages hear events. Its name is random, kept by the app's worker,
 * and told to pages that ask the worker: pages of other apps, and Airflow's own, hear nothing by
 * chance or by guessing. A hostile script of the same origin can ask, too.
 */
export class Channel {
  readonly #caches: CacheStorage;
  readonly #app: string;
  readonly #locks: LockManager;
  readonly #open: Promise<BroadcastChannel>;

  constructor(caches: CacheStorage, app: string, locks: LockManager, randomHex: () => string) {
    this.#caches = caches;
    this.#app = app;
    this.#locks = locks;
    this.#open = this.#name(randomHex).then((name) => new BroadcastChannel(name));
  }

  async name(): Promise<string> {
    return (await this.#open).name;
  }

  /** Sends a message to the pages; messages keep their order. */
  tell(message: Broadcast): void {
    void this.#open.then((channel) => channel.postMessage(message));
  }

  /**
   * The channel's name, kept for the next worker, whose pages already listen. Where the browser
   * keeps nothing, the name is guessable: hearing events matters more.
   */
  async #name(randomHex: () => string): Promise<string> {
    const place = appName(this.#app);
    try {
      // Two workers of an app may start at once.
      return await this.#locks.request(`${place} channel`, async () => {
        const cache = await this.#caches.open(place);
        const kept = await (await cache.match(PLACE))?.text();
        const name = kept ?? `${place} ${randomHex()}`;
        if (kept === undefined) await cache.put(PLACE, new Response(name));
        return name;
      });
    } catch {
      return place;
    }
  }
}
