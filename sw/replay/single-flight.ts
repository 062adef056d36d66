/**
 * Runs `body` once at a time. A caller that comes during a run joins the next run, so that a
 * capture made meanwhile is not missed. At most a single further run is queued, for any number of
 * callers.
 */
export class SingleFlight<Reason> {
  readonly #body: (reasons: readonly Reason[]) => Promise<void>;
  #isRunning = false;
  #next:
    | {
        readonly reasons: Reason[];
        readonly ended: Promise<void>;
        readonly settle: (run: Promise<void>) => void;
      }
    | undefined;

  constructor(body: (reasons: readonly Reason[]) => Promise<void>) {
    this.#body = body;
  }

  run(reason: Reason): Promise<void> {
    if (!this.#isRunning) return this.#start([reason]);
    if (!this.#next) {
      let settle: (run: Promise<void>) => void = () => undefined;
      const ended = new Promise<void>((resolve) => (settle = resolve));
      this.#next = { reasons: [], ended, settle };
    }
    this.#next.reasons.push(reason);
    return this.#next.ended;
  }

  async #start(reasons: readonly Reason[]): Promise<void> {
    this.#isRunning = true;
    try {
      await this.#body(reasons);
    } finally {
      // No await in between: either the next run begins, or nothing is running.
      const next = this.#next;
      this.#next = undefined;
      this.#isRunning = __UPDRAFT_PLANTED_BUG__ === 'lock-leak';
      next?.settle(this.#start(next.reasons));
    }
  }
}
