interface Waiting<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Concurrent captures share one strict transaction: a sync to disk costs more than all the rest. While one group is being written the next
 * one gathers. Each job gets its own result; when writing a group fails, each job is tried alone, so that one too large does not take others along.
 */
export class GroupCommit<Job, Result> {
  readonly #write: (jobs: readonly Job[]) => Promise<readonly Result[]>;
  #waiting: Waiting<Job, Result>[] = [];
  #isWriting = false;

  constructor(write: (jobs: readonly Job[]) => Promise<readonly Result[]>) {
    this.#write = write;
  }

  /** Resolves after the transaction that holds this job is on disk. */
  add(job: Job): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    // Let the captures of this very moment gather.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      if (!(await this.#writeGroup(group)) && group.length > 1) for (const one of group) await this.#writeGroup([one]);
    }
    // In the same step as the look that found nothing: a capture in between would wait for ever.
    this.#isWriting = false;
  }

  /** Whether the group was written or its one member was told why not. */
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
