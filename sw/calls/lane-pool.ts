/** One turn of a lane; resolves to whether it has something to do at once. */
export type Turn = () => Promise<boolean>;

interface Lane {
  turn: Turn;
  /** Somebody came while its turn was under way. */
  isAskedAgain: boolean;
}

/**
 * Lets lanes take turns: at most `max` at the same time, one turn at a time each, the one that has waited longest next. A lane that does not come back
 * keeps its own place and no other's.
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

  /** Queues a turn of this lane; if one is queued or under way, another follows it. */
  add(name: string, turn: Turn): void {
    const lane = this.#lanes.get(name);
    if (lane) Object.assign(lane, { turn, isAskedAgain: true });
    else {
      this.#lanes.set(name, { turn, isAskedAgain: false });
      this.#waiting.push(name);
    }
    this.#start();
  }

  /** Resolves when no lane has a turn left; rejects with what a turn threw since the last time. */
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
        hasMore = await lane.turn();
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
