import * as v from 'valibot';
import type { HttpReply } from './http.ts';
import type { Effect } from './transport.ts';

/**
 * Which request was answered: a token for this session, who am I, trigger the run, look at the run, wait for it, fetch its result;
 * is the plugin there, the plugin's exchange, is Airflow there.
 */
export type Step = 'token' | 'identity' | 'trigger' | 'look' | 'wait' | 'result' | 'hello' | 'exchange' | 'version';

/** `ok`: the body is the one this step expects. `accepted-before`: this run id is taken, look whose it is. */
export type Classified = { readonly effect: 'ok' } | { readonly effect: 'accepted-before' } | { readonly effect: 'missing' } | Effect;

const Detail = v.object({ detail: v.unknown() });
const PluginDetail = v.object({ kind: v.string(), message: v.string() });
const SHAPES = {
  token: v.object({ access_token: v.string() }),
  identity: v.object({ username: v.string() }),
  trigger: v.object({ dag_run_id: v.string(), dag_id: v.string(), triggering_user_name: v.exactOptional(v.nullable(v.string())) }),
  look: v.object({ dag_run_id: v.string(), state: v.string(), conf: v.unknown() }),
  wait: v.object({ state: v.string() }),
  result: v.object({ value: v.unknown() }),
  hello: v.object({ protocol: v.number(), user: v.string() }),
  exchange: v.looseObject({ protocol: v.number(), replicaId: v.unknown() }),
  version: v.object({ version: v.string() }),
} as const satisfies Record<Step, v.GenericSchema>;

export type Body<S extends Step> = v.InferOutput<(typeof SHAPES)[S]>;

/** The body of a reply classified `ok`. */
export const bodyOf = <S extends Step>(step: S, reply: HttpReply): Body<S> => v.parse(SHAPES[step], reply.kind === 'http' ? reply.json : undefined) as Body<S>;

/**
 * The one table from a reply to what it means. Status alone is never success: captive portals say 200.
 * What is not in Airflow's own words (JSON with `detail`) is somebody else's answer, and is tried again.
 */
export function classify(step: Step, reply: HttpReply): Classified {
  if (reply.kind === 'failed') return { effect: 'retry', for: 'network' };
  const { status, json } = reply;
  const again: Effect = { effect: 'retry', for: 'airflow', ...(reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }) };
  // Airflow answers a path it does not know with its own page; a proxy with a page of its own.
  if ((step === 'hello' || step === 'identity') && ((status === 200 && json === undefined) || status === 404)) return { effect: 'missing' };
  if (status === 200) return v.is(SHAPES[step], json) || __UPDRAFT_PLANTED_BUG__ === 'html-200-acknowledges' ? { effect: 'ok' } : again;
  if (status === 413 && carriesBatch(step)) return refused(status, json);
  if (!v.is(Detail, json)) return again;
  switch (status) {
    case 401:
      if (__UPDRAFT_PLANTED_BUG__ === '401-drops-the-batch' && carriesBatch(step)) return refused(status, json);
      return { effect: 'sign-in', reason: 'refused' };
    case 403:
      return json.detail === 'Invalid JWT token' ? { effect: 'sign-in', reason: 'refused' } : { effect: 'hold', for: 'forbidden' };
    case 405:
      return step === 'token' || step === 'exchange' ? { effect: 'missing' } : again;
    case 404:
      return step === 'trigger' ? { effect: 'hold', for: 'dag-missing' } : { effect: 'missing' };
    case 409:
      return step === 'trigger' ? { effect: 'accepted-before' } : again;
    case 400:
    case 415:
    case 422:
      return carriesBatch(step) ? refused(status, json) : again;
    default:
      return again;
  }
}

const carriesBatch = (step: Step): boolean => step === 'trigger' || step === 'exchange';

/** A batch refused as a whole. Airflow's 409 quotes SQL with conf; 4xx details may quote the input: only the kind is kept. */
function refused(status: number, json: unknown): Effect {
  const said = v.is(Detail, json) ? (v.is(PluginDetail, json.detail) ? json.detail.message : json.detail) : undefined;
  const detail = typeof said === 'string' ? `: ${said.slice(0, 200)}` : '';
  return {
    effect: 'refuse',
    reason: { kind: status === 413 ? 'too_large' : 'malformed', message: `Airflow refused the request with status ${status}${detail}` },
  };
}
