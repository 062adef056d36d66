import { defined } from '../../shared/defined.ts';
import * as v from 'valibot';
import type { HttpReply } from './http.ts';
import type { Effect, TriedAgainFor } from './transport.ts';
import { isPage, statusAndWords, wordsOfDetail } from './words.ts';

/**
 * The step whose request was answered. `token`: a token for this session. `identity`: who am I.
 * `trigger`, `look`, `wait`, `result`: start the run, read the state, wait for its end, fetch its
 * result. `key`: the key that signs answers. `hello`: is the plugin there. `exchange`: the plugin's
 * exchange. `version`: is Airflow there.
 */
export type Step =
  | 'token'
  | 'identity'
  | 'trigger'
  | 'look'
  | 'wait'
  | 'result'
  | 'key'
  | 'hello'
  | 'exchange'
  | 'version';

/**
 * `ok`: the body has this step's shape. `accepted-before`: the run id is taken; the run must be
 * compared.
 */
export type Classified =
  | { readonly kind: 'ok' }
  | { readonly kind: 'accepted-before' }
  | { readonly kind: 'missing' }
  | Effect;

const Detail = v.object({ detail: v.unknown() });
const PluginDetail = v.object({ kind: v.string(), message: v.string() });
const SHAPES = {
  token: v.object({ access_token: v.string() }),
  identity: v.object({ username: v.string() }),
  trigger: v.object({
    dag_run_id: v.string(),
    dag_id: v.string(),
    triggering_user_name: v.exactOptional(v.nullable(v.string())),
  }),
  look: v.object({ dag_run_id: v.string(), state: v.string(), conf: v.unknown() }),
  wait: v.object({ state: v.string() }),
  result: v.object({ value: v.unknown() }),
  key: v.object({ dag_id: v.string(), doc_md: v.nullable(v.string()) }),
  // `protocol` is the oldest version that the plugin speaks: older devices know no other key.
  hello: v.object({
    protocol: v.number(),
    newest: v.exactOptional(v.number()),
    user: v.string(),
  }),
  exchange: v.looseObject({ protocol: v.number(), replicaId: v.unknown() }),
  version: v.object({ version: v.string() }),
} as const satisfies Record<Step, v.GenericSchema>;

export type Body<S extends Step> = v.InferOutput<(typeof SHAPES)[S]>;

/** Returns the body of a reply classified `ok`. */
export const bodyOf = <S extends Step>(step: S, reply: HttpReply): Body<S> =>
  v.parse(SHAPES[step], reply.kind === 'http' ? reply.json : undefined) as Body<S>;

/**
 * Classifies a reply, by the only table. Status alone is never success: captive portals say 200. An
 * answer that is not in Airflow's form (JSON with `detail`) comes from another server and is tried
 * again; its words are kept for a person.
 */
export function classify(step: Step, reply: HttpReply): Classified {
  if (reply.kind === 'failed')
    return reply.why === 'redirect' ? SIGN_IN_PAGE : { kind: 'retry', for: 'network' };
  const { status, json } = reply;
  // Airflow answers an unknown path with its own page; a proxy answers with a page too.
  if (
    (step === 'hello' || step === 'identity') &&
    ((status === 200 && json === undefined) || status === 404)
  )
    return { kind: 'missing' };
  if (
    status === 200 &&
    (v.is(SHAPES[step], json) || __UPDRAFT_PLANTED_BUG__ === 'html-200-acknowledges')
  )
    return { kind: 'ok' };
  if (status === 413 && carriesBatch(step)) return refused(reply);
  if (isFromAnotherServer(step, reply)) return again(reply, 'not-airflow');
  return v.is(Detail, json) && status !== 200
    ? classifyRefusal(step, reply, json.detail)
    : again(reply);
}

/** Classifies a refusal in Airflow's form. */
function classifyRefusal(step: Step, reply: Answered, detail: unknown): Classified {
  switch (reply.status) {
    case 401:
      if (__UPDRAFT_PLANTED_BUG__ === '401-drops-the-batch' && carriesBatch(step))
        return refused(reply);
      return { kind: 'sign-in', reason: 'refused' };
    case 403:
      if (detail === 'Invalid JWT token') return { kind: 'sign-in', reason: 'refused' };
      // A middlebox may refuse a request because of a record in its batch. Only these words of
      // Airflow and the plugin mean a missing right.
      return carriesBatch(step) && detail !== 'Forbidden' && !v.is(PluginDetail, detail)
        ? again(reply)
        : hold('forbidden', reply);
    case 405:
      return step === 'token' || step === 'exchange' ? { kind: 'missing' } : again(reply);
    case 404:
      return step === 'trigger' ? hold('dag-missing', reply) : { kind: 'missing' };
    case 409:
      return step === 'trigger' ? { kind: 'accepted-before' } : again(reply);
    case 400:
    case 415:
    case 422:
      return carriesBatch(step) ? refused(reply) : again(reply);
    case 503:
      return v.is(PluginDetail, detail) && STORE_KINDS.has(detail.kind)
        ? hold('store', reply)
        : again(reply);
    default:
      return again(reply);
  }
}

type Answered = Extract<HttpReply, { kind: 'http' }>;
const SIGN_IN_PAGE: Effect = {
  kind: 'retry',
  for: 'sign-in-page',
  message: 'The request is sent on to another address.',
};
/** Kinds of the plugin's errors that only an operator can mend. */
const STORE_KINDS: ReadonlySet<string> = new Set([
  'store',
  'store_not_configured',
  'store_is_new',
  'foreign_store',
  'older_store',
  'collections',
]);
/** Statuses of a server that does not know the path, or serves only files. */
const NO_SUCH_PATH: readonly number[] = [404, 405, 410, 501];

/** Whether a server other than Airflow answers: the wrong server or path, or a page for people. */
function isFromAnotherServer(step: Step, reply: Answered): boolean {
  if (reply.status === 200) return step === 'version' || isPage(reply);
  return NO_SUCH_PATH.includes(reply.status) && (step === 'version' || !v.is(Detail, reply.json));
}

/**
 * Whether the refusal may be about the batch, and not about any request at this time: then a
 * request without data is tried. A busy server is busy for every request.
 */
export function mayBeAboutTheBatch(is: Classified, reply: HttpReply): boolean {
  if (is.kind === 'missing') return true;
  if (is.kind !== 'retry' || (reply.kind === 'http' && reply.status === 429)) return false;
  const detail = reply.kind === 'http' && v.is(Detail, reply.json) ? reply.json.detail : undefined;
  return !(v.is(PluginDetail, detail) && detail.kind === 'busy');
}

const carriesBatch = (step: Step): boolean => step === 'trigger' || step === 'exchange';

/** Tries again, with the server's words and delay. */
function again(reply: Answered, waitingFor: TriedAgainFor = 'airflow'): Effect {
  return { kind: 'retry', for: waitingFor, ...detailsOf(reply) };
}
function hold(waitingFor: 'forbidden' | 'dag-missing' | 'store', reply: Answered): Effect {
  return { kind: 'hold', for: waitingFor, ...detailsOf(reply) };
}
function detailsOf(reply: Answered): { readonly retryAfterMs?: number; readonly message?: string } {
  const { retryAfterMs } = reply;
  const message = statusAndWords(reply);
  return defined({ retryAfterMs, message });
}

/**
 * Refuses the batch as a whole. Airflow's 409 quotes SQL with conf, and 4xx details may quote the
 * input, so only plain text is kept.
 */
function refused({ status, json }: Answered): Effect {
  const said = v.is(Detail, json)
    ? v.is(PluginDetail, json.detail)
      ? json.detail.message
      : json.detail
    : undefined;
  const words = typeof said === 'string' ? wordsOfDetail(said) : undefined;
  return {
    kind: 'refuse',
    reason: {
      kind: status === 413 ? 'too_large' : 'malformed',
      message:
        `Airflow refused the request with status ${status}` +
        (words === undefined ? '' : `: ${words}`),
    },
  };
}

/**
 * Turns the batch away. The sender of the refusal is unknown; the status and the words are kept.
 */
export function turnedAway(reply: HttpReply): Extract<Effect, { kind: 'turned-away' }> {
  const came = statusAndWords(reply) ?? NO_ANSWER[reply.kind === 'failed' ? reply.why : 'network'];
  const message =
    `Airflow answers other requests, this one was refused each time, ` +
    `by Airflow or on the way to it (${came}). ` +
    'Change what it may be about, or have the proxy or firewall let it pass; then retry it.';
  return {
    kind: 'turned-away',
    reason: { kind: 'refused-on-the-way', message },
    ...(reply.kind === 'http'
      ? {
          status: reply.status,
          ...defined({ retryAfterMs: reply.retryAfterMs }),
        }
      : {}),
  };
}

const NO_ANSWER: Readonly<Record<Extract<HttpReply, { kind: 'failed' }>['why'], string>> = {
  network: 'the connection was cut',
  timeout: 'no answer came in time',
  redirect: 'it was sent on to another address',
};
