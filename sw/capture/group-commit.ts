interface Waiting<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes concurrent captures in a single strict transaction: a sync to disk costs more than all
 * other work. While a group is being written the next group gathers. Each job gets its own result.
 * When a group fails, each job is written alone, so that a job that is too large does not fail the
 * others.
 */
export class GroupCommit<Job, Result> {
  readonly #write: (jobs: readonly Job[]) => Promise<readonly Result[]>;
  #waiting: Waiting<Job, Result>[] = [];
  #isWriting = false;

  constructor(write: (jobs: readonly Job[]) => Promise<readonly Result[]>) {
    this.#write = write;
  }

  /** Resolves after the transaction of this job is on disk. */
  add(job: Job): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    // Lets the captures of the present moment gather.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      if (!(await this.#writeGroup(group)) && group.length > 1)
        for (const one of group) await this.#writeGroup([one]);
    }
    // No await after the check: a capture in between would wait for ever.
    this.#isWriting = false;
  }

  /**
   * Writes a group. False when a group of several jobs failed; the error of a single job goes to
   * its caller.
   */
  async #writeGroup(group: readonly Waiting<Job, Result>[]): Promise<boolean> {
    try {
      const results = await this.#write(group.map(({ job }) => job));
      group.forEach(({ resolve }, index) => resolve(results[index] as Result));
      return true;
    } catch (error) {
      if (group.length > 1) return false;
      group[0]?.reject(error);
      return true;
    }
  }
}
