import { createHash } from 'node:crypto';
import type { AirflowApi } from './airflow.ts';

/** A mutation's own parts, unchecked. */
type Parts = { readonly op: string; readonly id: string; readonly baseRevision: number } & Readonly<
  Record<string, unknown>
>;

interface Answer {
  readonly epoch: string;
  readonly upTo: number;
  readonly verdicts?: readonly Record<string, unknown>[];
}

/** A client that checks nothing before sending: a replica by the plugin, without records. */
export class ByHand {
  readonly #airflow: AirflowApi;
  readonly #user: string;
  readonly #replicaId: string;
  #last: { readonly number: number; readonly nonce: string } | null = null;
  #epoch: string | null = null;
  #since = 0;

  constructor(airflow: AirflowApi, user: string, replicaId: string) {
    this.#airflow = airflow;
    this.#user = user;
    this.#replicaId = replicaId;
  }

  /** Returns the verdict of a mutation of `tasks`. */
  async send(parts: Parts): Promise<Record<string, unknown> | undefined> {
    // A replica's first exchange is a pull.
    if (this.#epoch === null) await this.#exchange({});
    const name = {
      number: (this.#last?.number ?? 0) + 1,
      nonce: `${this.#replicaId}-${(this.#last?.number ?? 0) + 1}`,
    };
    const batch = JSON.stringify({
      ...name,
      mutations: [{ collection: 'tasks', firstSeq: 1, lastSeq: 1, ...parts }],
    });
    const { verdicts } = await this.#exchange({
      batch,
      hash: createHash('sha256').update(batch).digest('hex'),
    });
    if (verdicts) this.#last = name;
    return verdicts?.[0];
  }

  async #exchange(more: object): Promise<Answer> {
    const known = { epoch: this.#epoch, since: this.#since, floor: 0, last: this.#last, limit: 1 };
    const request = {
      protocol: 1,
      replicaId: this.#replicaId,
      user: this.#user,
      ...known,
      ...more,
    };
    const { status, body } = await this.#airflow.exchange(request, this.#user);
    if (status !== 200)
      throw new Error(`The exchange was answered ${status}: ${JSON.stringify(body)}`);
    const answer = body as Answer;
    [this.#epoch, this.#since] = [answer.epoch, answer.upTo];
    return answer;
  }
}
