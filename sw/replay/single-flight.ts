/**
 * One run at a time; whoever comes meanwhile joins a run that starts after the current one, so that what was captured
 * while one was under way is not missed. At most one further run is queued, whatever the number of callers.
 */
export class SingleFlight<Reason> {
  readonly #body: (reasons: readonly Reason[]) => Promise<void>;
  #running: Promise<void> | undefined;
  #next: { readonly reasons: Reason[]; readonly run: Promise<void> } | undefined;

  constructor(body: (reasons: readonly Reason[]) => Promise<void>) {
    this.#body = body;
  }

  run(reason: Reason): Promise<void> {
    if (!this.#running) return this.#start([reason]);
    if (this.#next) {
      this.#next.reasons.push(reason);
      return this.#next.run;
    }
    const reasons = [reason];
    const run = this.#running.then(
      () => this.#startNext(reasons),
      () => this.#startNext(reasons),
    );
    this.#next = { reasons, run };
    return run;
  }

  #startNext(reasons: readonly Reason[]): Promise<void> {
    this.#next = undefined;
    return this.#start(reasons);
  }

  #start(reasons: readonly Reason[]): Promise<void> {
    const running = this.#body(reasons).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
