/** A lane's step of work; resolves to whether the lane has more to do at once. */
export type LaneStep = () => Promise<boolean>;

interface Lane {
  step: LaneStep;
  /** True when the lane was added again during its step. */
  isAskedAgain: boolean;
}

/**
 * Runs the lanes' steps round robin: at most `max` steps at the same time, at most a single step
 * per lane, the lane that has waited longest next. A step that hangs occupies its own place and no
 * other's.
 */
export class LanePool {
  readonly #max: number;
  readonly #lanes = new Map<string, Lane>();
  readonly #waiting: string[] = [];
  #inFlight = 0;
  #failures: unknown[] = [];
  #whenIdle: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Queues a step of this lane; if a step is queued or under way, another follows. */
  add(name: string, step: LaneStep): void {
    const lane = this.#lanes.get(name);
    if (lane) Object.assign(lane, { step, isAskedAgain: true });
    else {
      this.#lanes.set(name, { step, isAskedAgain: false });
      this.#waiting.push(name);
    }
    this.#start();
  }

  /** Resolves when no lane has a step left; rejects with the first error since the last call. */
  async idle(): Promise<void> {
    if (this.#lanes.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    const [failure] = this.#failures;
    this.#failures = [];
    if (failure !== undefined) throw failure;
  }

  #start(): void {
    while (this.#inFlight < this.#max) {
      const name = this.#waiting.shift();
      if (name === undefined) break;
      this.#inFlight++;
      void this.#run(name);
    }
    if (this.#lanes.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  async #run(name: string): Promise<void> {
    const lane = this.#lanes.get(name);
    let hasMore = false;
    if (lane) {
      lane.isAskedAgain = false;
      try {
        hasMore = await lane.step();
      } catch (error) {
        this.#failures.push(error);
        lane.isAskedAgain = false;
      }
    }
    if (hasMore || lane?.isAskedAgain) this.#waiting.push(name);
    else this.#lanes.delete(name);
    this.#inFlight--;
    this.#start();
  }
}
