import type { Status } from '../shared/status.ts';

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** The server writes at least every 15 s; a stream that is silent for longer counts as dead. */
const SILENCE_MAX_MS = 40_000;

/** The store's head, as told by a line of the stream. */
export interface Head {
  readonly epoch: string;
  readonly revision: number;
}

interface Deps {
  readonly user: string;
  /** Path or URL of the Airflow API server. */
  readonly airflow: string;
  /** `Authorization`, or no header: the session cookie then authenticates. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly onHead: (head: Head) => void;
}

/**
 * Listens to the plugin's live stream. The page reads the stream because a browser stops a worker
 * that only waits. All tabs of a user share a stream: the visible tab with the lock reads the
 * stream, and the worker pulls for all tabs. The stream carries no record, so a lost line loses
 * nothing.
 */
export class Live {
  readonly #deps: Deps;
  #listening: AbortController | undefined;
  isOpen = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Starts or stops listening, as the page's visibility and the status require. */
  update({ live, auth }: Pick<Status, 'live' | 'auth'>): void {
    const isWanted = live && auth === 'ok' && document.visibilityState === 'visible';
    if (!isWanted) this.close();
    else if (!this.#listening) {
      const { signal } = (this.#listening = new AbortController());
      navigator.locks
        .request(`updraft:live:${this.#deps.user}`, { signal }, () => this.#listen(signal))
        .catch(() => undefined);
    }
  }

  close(): void {
    this.#listening?.abort();
    this.#listening = undefined;
  }

  async #listen(closed: AbortSignal): Promise<void> {
    for (let failures = 0; !closed.aborted; failures++) {
      const stream = new AbortController();
      const end = (): void => stream.abort();
      closed.addEventListener('abort', end, { signal: stream.signal });
      try {
        for await (const head of this.#heads(stream)) {
          failures = 0;
          this.isOpen = true;
          if (head.epoch && head.revision !== undefined)
            this.#deps.onHead({ epoch: head.epoch, revision: head.revision });
        }
      } catch {
        // A failed stream is opened again after any error.
      }
      this.isOpen = false;
      end();
      if (!closed.aborted)
        await this.#pause(
          closed,
          Math.random() * Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** failures),
        );
    }
  }

  /** Waits until the time is over, the listening ends or the browser is online again. */
  #pause(closed: AbortSignal, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = new AbortController();
      const { signal } = over;
      signal.addEventListener('abort', () => resolve());
      const end = (): void => over.abort();
      setTimeout(end, ms);
      closed.addEventListener('abort', end, { signal });
      addEventListener('online', end, { signal });
    });
  }

  /**
   * Yields the heads of the stream until the stream ends; throws after too long a silence, or when
   * the answer is not the plugin's.
   */
  async *#heads(stream: AbortController): AsyncGenerator<Partial<Head>> {
    const headers = await this.#deps.headers();
    const listen = (): ReturnType<typeof setTimeout> =>
      setTimeout(() => stream.abort(), SILENCE_MAX_MS);
    let silence = listen();
    try {
      const response = await fetch(`${this.#deps.airflow}/updraft/v1/live`, {
        headers: { 'x-updraft': '1', ...headers },
        credentials: headers['authorization'] ? 'omit' : 'same-origin',
        redirect: 'error',
        signal: stream.signal,
      });
      if (!response.ok || !response.body) return;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ''; ;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = listen();
        const lines = (rest + value).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as Partial<Head>;
      }
    } finally {
      clearTimeout(silence);
    }
  }
}
