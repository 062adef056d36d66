import * as v from 'valibot';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import { isSpoken } from '../../shared/protocol-version.ts';
import { RUNS_PATH } from './batch-target.ts';
import type { ExchangeJob } from './transport.ts';

/** Returns the path of a DAG run in Airflow's REST API. */
export const pathOf = (runId: string): string => `${RUNS_PATH}/${encodeURIComponent(runId)}`;

/** Whether a result is the answer of a newer or older provider. */
export function speaksAnotherProtocol(value: unknown): boolean {
  const answer = v.safeParse(
    v.pipe(v.string(), v.parseJson(), v.object({ protocol: v.number(), replicaId: v.unknown() })),
    value,
  );
  return answer.success && !isSpoken(answer.output.protocol);
}

export function runIdOf({ request, delivery }: ExchangeJob, randomHex: () => string): string {
  if (!delivery) return `updraft__${request.replicaId}__pull__${randomHex()}`;
  const body = request.hash === undefined ? 'void' : request.hash.slice(0, 8);
  const { number, attempt } = delivery;
  return `updraft__${request.replicaId}__${request.epoch}__${number}__${body}__a${attempt}`;
}

/**
 * Returns a pull's question: two pulls with equal questions, and the same proof, get equal answers.
 * The device's report is not part of the question.
 */
export const askedBy = ({ device: _, ...asked }: ExchangeRequest): string => JSON.stringify(asked);

/**
 * Whether a run was triggered with this request. `since` and `floor` may differ between resends;
 * the batch may not.
 */
export function isSameRequest(conf: unknown, mine: ExchangeRequest): boolean {
  const seen = v.safeParse(
    v.object({ updraft: v.pipe(v.string(), v.parseJson(), v.looseObject({})) }),
    conf,
  );
  if (!seen.success) return false;
  const theirs = seen.output.updraft as Partial<ExchangeRequest>;
  return (
    theirs.replicaId === mine.replicaId &&
    theirs.epoch === mine.epoch &&
    theirs.hash === mine.hash &&
    theirs.batch === mine.batch &&
    theirs.void?.nonce === mine.void?.nonce
  );
}
