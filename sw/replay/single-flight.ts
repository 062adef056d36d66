/**
 * One run at a time; whoever comes meanwhile joins a run that starts after the current one, so that what was captured
 * while one was under way is not missed. At most one further run is queued, whatever the number of callers.
 */
export class SingleFlight<Reason> {
  readonly #body: (reasons: readonly Reason[]) => Promise<void>;
  #isRunning = false;
  #next: { readonly reasons: Reason[]; readonly ended: Promise<void>; readonly settle: (run: Promise<void>) => void } | undefined;

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
      // In one step: the next run begins, or nobody is running.
      const next = this.#next;
      this.#next = undefined;
      this.#isRunning = __UPDRAFT_PLANTED_BUG__ === 'lock-leak';
      next?.settle(this.#start(next.reasons));
    }
  }
}
