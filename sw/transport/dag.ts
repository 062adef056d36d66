import * as v from 'valibot';
import { ExchangeResponseSchema, type ExchangeRequest } from '../../shared/exchange.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import { batchPath, EXCHANGE_DAG, RUNS_PATH } from './batch-target.ts';
import { bodyOf, classify, type Classified, type Step } from './classify.ts';
import type { Credentials } from './credentials.ts';
import type { Authorization, Http, HttpReply } from './http.ts';
import type { CredentialsKind, Effect, ExchangeJob, SettledRuns, Transport } from './transport.ts';

const REQUEST_TIMEOUT_MS = 20_000;
/**
 * How long a run is waited for in one attempt, with a look at it after each. The first is short: a run of a paused DAG, which Airflow accepts, stays queued and should
 * be told so soon. Waiting must leave room for the rest of the attempt in a slice of the browser's time.
 */
const WAITS_MS = [5_000, 20_000];
const POLL_INTERVAL_MS = 1_000;

interface Deps {
  readonly http: Http;
  readonly credentials: Credentials;
  readonly randomHex: () => string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly settledRuns?: SettledRuns | undefined;
}

/**
 * The exchange as a DAG run, with nothing but Airflow's stock REST API: trigger, wait, fetch the XCom.
 * Run ids of batches are deterministic, so a resend meets its own run (409) and GET confirms that it is the same request.
 */
export function createDagTransport(deps: Deps): Transport {
  return {
    carriesPrivate: false,
    exchange: async (job, kind) => {
      const authorization = await deps.credentials.authorize(kind);
      if ('effect' in authorization) return authorization;
      const effect = await new DagExchange(deps, job, authorization).run();
      if (effect.effect === 'sign-in') await deps.credentials.forget(kind, authorization);
      return effect;
    },
    ...(deps.settledRuns === 'delete' ? { forget: (run, kind) => forget(deps, run, kind) } : {}),
  };
}

/** Who may not delete runs, or cannot just now, leaves this one to Airflow's own clean-up: what a resend would need is in the ledger. */
async function forget({ http, credentials }: Deps, run: string, kind: CredentialsKind): Promise<void> {
  const authorization = await credentials.authorize(kind);
  if ('effect' in authorization) return;
  await http({ method: 'DELETE', path: pathOf(run), timeoutMs: REQUEST_TIMEOUT_MS }, authorization);
}

class DagExchange {
  readonly #deps: Deps;
  readonly #job: ExchangeJob;
  readonly #authorization: Authorization;
  readonly #runId: string;
  constructor(deps: Deps, job: ExchangeJob, authorization: Authorization) {
    this.#deps = deps;
    this.#job = job;
    this.#authorization = authorization;
    this.#runId = runIdOf(job, deps.randomHex);
  }

  async run(): Promise<Effect> {
    if (this.#job.delivery?.acceptedRun === this.#runId) return this.#follow();
    const trigger = await this.#send('trigger', { method: 'POST', path: batchPath('dag'), body: this.#triggerBody(), timeoutMs: REQUEST_TIMEOUT_MS });
    if (trigger.is.effect === 'accepted-before') return this.#confirm();
    if (trigger.is.effect !== 'ok') return asEffect(trigger.is);
    if (bodyOf('trigger', trigger.reply).dag_run_id !== this.#runId) return { effect: 'retry', for: 'airflow' };
    await this.#job.onAccepted(this.#runId);
    return this.#follow();
  }

  /** 409: the run id is taken. Only a run with this very request is ours. */
  async #confirm(): Promise<Effect> {
    const look = await this.#send('look', { method: 'GET', path: this.#path(), timeoutMs: REQUEST_TIMEOUT_MS });
    if (look.is.effect !== 'ok') return asEffect(look.is);
    if (!isSameRequest(bodyOf('look', look.reply).conf, this.#job.request)) return { effect: 'next-attempt' };
    await this.#job.onAccepted(this.#runId);
    return this.#follow();
  }

  /** Waits for the accepted run and fetches its result. */
  async #follow(): Promise<Effect> {
    for (const timeoutMs of WAITS_MS) {
      const state = await this.#stateWithin(timeoutMs);
      if (typeof state !== 'string') return state;
      if (state === 'success') return this.#result();
      if (state === 'failed') return { effect: 'next-attempt' };
      if (state === 'queued' && (await this.#isPaused())) return { effect: 'wait-run', paused: true };
    }
    return { effect: 'wait-run', paused: false };
  }

  /** The run's state, its end if that comes in time: by `/wait` where the server has it (3.3 and newer), else by looking each second. */
  async #stateWithin(timeoutMs: number): Promise<string | Effect> {
    const wait = await this.#send('wait', { method: 'GET', path: `${this.#path()}/wait?interval=0.3`, timeoutMs });
    if (wait.is.effect === 'ok') return bodyOf('wait', wait.reply).state;
    if (wait.reply.kind === 'failed' && wait.reply.why === 'timeout') return this.#look();
    if (wait.is.effect !== 'missing') return asEffect(wait.is);
    for (let waited = 0; ; waited += POLL_INTERVAL_MS) {
      const state = await this.#look();
      if (typeof state !== 'string' || state === 'success' || state === 'failed' || waited >= timeoutMs) return state;
      await this.#deps.sleep(POLL_INTERVAL_MS);
    }
  }

  async #look(): Promise<string | Effect> {
    const look = await this.#send('look', { method: 'GET', path: this.#path(), timeoutMs: REQUEST_TIMEOUT_MS });
    return look.is.effect === 'ok' ? bodyOf('look', look.reply).state : asEffect(look.is);
  }

  async #isPaused(): Promise<boolean> {
    const dag = await this.#deps.http({ method: 'GET', path: `/api/v2/dags/${EXCHANGE_DAG}`, timeoutMs: REQUEST_TIMEOUT_MS }, this.#authorization);
    return dag.kind === 'http' && v.is(v.object({ is_paused: v.literal(true) }), dag.json);
  }

  async #result(): Promise<Effect> {
    const result = await this.#send('result', {
      method: 'GET',
      path: `${this.#path()}/taskInstances/exchange/xcomEntries/return_value`,
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
    if (result.is.effect !== 'ok') return asEffect(result.is);
    const response = v.safeParse(v.pipe(v.string(), v.parseJson(), ExchangeResponseSchema), bodyOf('result', result.reply).value);
    if (!response.success && speaksAnotherProtocol(bodyOf('result', result.reply).value)) return { effect: 'hold', for: 'update' };
    // A finished run with a result that is no answer: another attempt is harmless, the ledger replays.
    return response.success ? { effect: 'settle', response: response.output, via: 'dag', run: this.#runId } : { effect: 'next-attempt' };
  }

  async #send(step: Step, request: Parameters<Http>[0]): Promise<{ reply: HttpReply; is: Classified }> {
    const reply = await this.#deps.http(request, this.#authorization);
    return { reply, is: classify(step, reply) };
  }

  #path(): string {
    return pathOf(this.#runId);
  }

  #triggerBody(): string {
    // A date would add a second unique key; conf is one string because newer Airflows refuse some keys inside it.
    return JSON.stringify({ dag_run_id: this.#runId, logical_date: null, conf: { updraft: JSON.stringify(this.#job.request) } });
  }
}

const pathOf = (runId: string): string => `${RUNS_PATH}/${encodeURIComponent(runId)}`;

/** Whether a result is an answer of a provider newer or older than this worker. */
function speaksAnotherProtocol(value: unknown): boolean {
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), v.object({ protocol: v.number(), replicaId: v.unknown() })), value);
  return answer.success && answer.output.protocol !== PROTOCOL_VERSION;
}

/** Outside its own step, a missing run or a taken id means: try again under a new run id. */
function asEffect(is: Classified): Effect {
  if (is.effect === 'missing' || is.effect === 'accepted-before') return { effect: 'next-attempt' };
  return is.effect === 'ok' ? { effect: 'retry', for: 'airflow' } : is;
}

function runIdOf({ request, delivery }: ExchangeJob, randomHex: () => string): string {
  if (!delivery) return `updraft__${request.replicaId}__pull__${randomHex()}`;
  const body = request.hash === undefined ? 'void' : request.hash.slice(0, 8);
  return `updraft__${request.replicaId}__${request.epoch}__${delivery.number}__${body}__a${delivery.attempt}`;
}

/** Whether a run was triggered with this request. Since and floor may differ between resends; the batch may not. */
function isSameRequest(conf: unknown, mine: ExchangeRequest): boolean {
  const seen = v.safeParse(v.object({ updraft: v.pipe(v.string(), v.parseJson(), v.looseObject({})) }), conf);
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
