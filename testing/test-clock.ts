import type { Clock } from '../sw/world.ts';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** Delays up to this only gather what happens at once, as the telling of a status does. */
const GATHERING_MS = 300;

/** A clock that stands still until a test moves it, and that knows when nothing more happens. */
export class TestClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();
  readonly #work = new Set<Promise<unknown>>();

  constructor(now: number) {
    this.#now = now;
  }

  now = (): number => this.#now;

  after = (delayMs: number, call: () => void): (() => void) => {
    if (delayMs <= GATHERING_MS) return this.#soon(call);
    const timer = { at: this.#now + delayMs, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  #soon(call: () => void): () => void {
    let end = (): void => undefined;
    void this.during(new Promise<void>((resolve) => (end = resolve)));
    const timer = setTimeout(() => {
      call();
      end();
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }

  /** Counts as work until the promise ends. */
  during<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work);
    void Promise.allSettled([work]).then(() => this.#work.delete(work));
    return work;
  }

  /** Resolves when all work under way has ended, and the work that came of it. */
  async idle(): Promise<void> {
    do {
      await Promise.allSettled(this.#work);
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#work.size > 0);
  }

  /** Lets this much time pass; each timer that is due is called at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.call();
      await this.idle();
    }
    this.#now = end;
    await this.idle();
  }
}
