import { readCollections, type Declarations } from '../../shared/collections.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { DeclarationsListener, DeclarationsSource } from './source.ts';
import type { Logger } from '../world.ts';

const PATIENCE_MS = 30_000;

/** The content of a fetched `collections.json`. */
interface Fetched {
  readonly text: string;
  readonly declarations: Declarations;
}

/** No answer of the file's server came, which says nothing about the file. */
class Unreachable extends UpdraftError {}

/** Statuses of a server, or of a proxy before it, that cannot serve anything at this time. */
const isOutage = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

interface Options {
  readonly url: string;
  /** The cache of the last good copy. */
  readonly cache: string;
  readonly caches: Pick<CacheStorage, 'open'>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly logger: Logger;
}

/**
 * The declarations of the prebuilt worker: a file beside the worker, which changes without a change
 * of its script. A worker starts at once with the last good copy, even without a network, and looks
 * for a newer file at each start and for each page that connects (ADR 32). A broken file changes
 * nothing.
 */
export class FetchedDeclarations implements DeclarationsSource {
  readonly #options: Options;
  readonly #listeners: DeclarationsListener[] = [];
  #current: Promise<Fetched> | undefined;
  #looking: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  install = async (): Promise<void> => {
    const fetched = await this.#fetched();
    await this.#keep(fetched.text);
    this.#current = Promise.resolve(fetched);
  };

  current = async (): Promise<Declarations> => (await this.#inForce()).declarations;

  refresh = (): Promise<void> =>
    (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));

  problem = (): string | undefined => this.#problem;

  listen = (listener: DeclarationsListener): void => void this.#listeners.push(listener);

  #inForce(): Promise<Fetched> {
    if (this.#current) return this.#current;
    const begun = this.#begun();
    this.#current = begun;
    begun.catch(() => (this.#current = undefined));
    return begun;
  }

  /**
   * Returns the kept copy, or the fetched file where there is no copy or this version finds the
   * copy broken.
   */
  async #begun(): Promise<Fetched> {
    const kept = await this.#kept().catch((error: unknown) =>
      this.#options.logger.info('The kept copy of collections.json cannot be used.', error),
    );
    if (kept) return kept;
    const fetched = await this.#fetched();
    await this.#keep(fetched.text).catch((error: unknown) =>
      this.#options.logger.info(
        'collections.json could not be kept; each start needs a network.',
        error,
      ),
    );
    return fetched;
  }

  async #look(): Promise<void> {
    try {
      const before = await this.#inForce();
      const fetched = await this.#fetched();
      this.#trouble(undefined);
      if (before.text === fetched.text) return;
      await this.#keep(fetched.text);
      this.#current = Promise.resolve(fetched);
      this.#options.logger.info('A newer collections.json is in force.');
      await Promise.all(this.#listeners.map(({ changed }) => changed(fetched.declarations)));
    } catch (error) {
      if (error instanceof Unreachable)
        return this.#options.logger.debug(
          'collections.json was not fetched; the last good copy stays in force.',
          error,
        );
      this.#trouble(error instanceof Error ? error.message : String(error));
      this.#options.logger.error(
        'The newest collections.json cannot be used; the last good copy stays in force.',
        error,
      );
    }
  }

  #trouble(problem: string | undefined): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    this.#listeners.forEach(({ troubled }) => troubled());
  }

  async #fetched(): Promise<Fetched> {
    const { url, fetch } = this.#options;
    // `no-cache`: the browser revalidates its copy with the server (ETag), however long the copy is
    // fresh.
    const response = await fetch(url, {
      cache: 'no-cache',
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch((error: unknown) => {
      throw new Unreachable(
        'bad-collections',
        `${url} could not be fetched: ${String(error)}. Reload with a network.`,
      );
    });
    if (isOutage(response.status))
      throw new Unreachable(
        'bad-collections',
        `${url} could not be fetched: its server answered ${response.status}. ` +
          'Try again when it serves.',
      );
    if (!response.ok)
      throw bad(
        url,
        `was answered with ${response.status}. Deploy it there, ` +
          'or name its place as "collections" in the worker\'s address.',
      );
    return this.#read(await response.text());
  }

  async #kept(): Promise<Fetched | undefined> {
    const { caches, cache, url } = this.#options;
    const text = await (await (await caches.open(cache)).match(url))?.text();
    return text === undefined ? undefined : this.#read(text);
  }

  async #keep(text: string): Promise<void> {
    const { caches, cache, url } = this.#options;
    await (
      await caches.open(cache)
    ).put(url, new Response(text, { headers: { 'content-type': 'application/json' } }));
  }

  #read(text: string): Fetched {
    return { text, declarations: readCollections(parsed(this.#options.url, text)) };
  }
}

function parsed(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bad(url, `is not JSON (${String(error)}). Mend it there and deploy it again.`);
  }
}

const bad = (url: string, why: string): UpdraftError =>
  new UpdraftError('bad-collections', `${url} ${why}`);
