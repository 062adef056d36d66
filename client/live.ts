import type { Status } from '../shared/status.ts';

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** The server writes at least every 15 s; a stream that is silent for longer is dead, whatever the network says. */
const SILENCE_MAX_MS = 40_000;

/** The store's head, as one line of the stream tells it. */
export interface Head {
  readonly epoch: string;
  readonly revision: number;
}

interface Deps {
  readonly user: string;
  /** Path or URL of the Airflow API server. */
  readonly airflow: string;
  /** `Authorization`, or nothing: then the session cookie speaks. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly onHead: (head: Head) => void;
}

/**
 * The plugin's stream of news, read by the page because a browser stops a worker that only waits. All tabs of a user share one: whichever
 * visible tab holds the lock reads it, and the worker it tells pulls for all of them. It carries no record, so a lost line loses nothing.
 */
export class Live {
  readonly #deps: Deps;
  #turn: AbortController | undefined;
  isOpen = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Starts or stops listening, as page and replica are now. */
  update({ via, auth }: Pick<Status, 'via' | 'auth'>): void {
    const isWanted = via === 'plugin' && auth === 'ok' && document.visibilityState === 'visible';
    if (!isWanted) this.close();
    else if (!this.#turn) {
      const { signal } = (this.#turn = new AbortController());
      navigator.locks.request(`updraft:live:${this.#deps.user}`, { signal }, () => this.#listen(signal)).catch(() => undefined);
    }
  }

  close(): void {
    this.#turn?.abort();
    this.#turn = undefined;
  }

  async #listen(turn: AbortSignal): Promise<void> {
    for (let failures = 0; !turn.aborted; failures++) {
      const stream = new AbortController();
      const end = (): void => stream.abort();
      turn.addEventListener('abort', end, { signal: stream.signal });
      try {
        for await (const head of this.#heads(stream)) {
          failures = 0;
          this.isOpen = true;
          if (head.epoch && head.revision !== undefined) this.#deps.onHead({ epoch: head.epoch, revision: head.revision });
        }
      } catch {
        // Whatever ended it: it is opened again.
      }
      this.isOpen = false;
      end();
      if (!turn.aborted) await this.#pause(turn, Math.random() * Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** failures));
    }
  }

  /** Until the time is over, or something has changed. */
  #pause(turn: AbortSignal, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = new AbortController();
      const { signal } = over;
      signal.addEventListener('abort', () => resolve());
      const end = (): void => over.abort();
      setTimeout(end, ms);
      turn.addEventListener('abort', end, { signal });
      addEventListener('online', end, { signal });
    });
  }

  /** Ends when the stream ends; throws when it is silent for too long, or is not the plugin's. */
  async *#heads(stream: AbortController): AsyncGenerator<Partial<Head>> {
    const headers = await this.#deps.headers();
    const listen = (): ReturnType<typeof setTimeout> => setTimeout(() => stream.abort(), SILENCE_MAX_MS);
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
