import * as v from 'valibot';
import { ExchangeResponseSchema } from '../../shared/exchange.ts';
import { isSigned, readSigning, type Signing } from './answer-key.ts';
import { batchPath, emptyRun, EXCHANGE_DAG } from './batch-target.ts';
import {
  bodyOf,
  classify,
  mayBeAboutTheBatch,
  turnedAway,
  type Classified,
  type Step,
} from './classify.ts';
import { askedBy, isSameRequest, pathOf, runIdOf, speaksAnotherProtocol } from './dag-request.ts';
import type { Authorization, Http, HttpReply } from './http.ts';
import type { Effect, ExchangeJob } from './transport.ts';

const REQUEST_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 10_000;
/**
 * The waits for a run in one attempt, each followed by a look at the run. The first wait is short:
 * a run of a paused DAG is accepted but stays queued, and the person should learn that soon.
 * Waiting must leave room for the rest of the attempt in a slice of the browser's time.
 */
const WAITS_MS = [5_000, 20_000];
const POLL_INTERVAL_MS = 1_000;

interface Deps {
  readonly http: Http;
  readonly randomHex: () => string;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A reply with its classification. */
interface Sent {
  readonly reply: HttpReply;
  readonly is: Classified;
}

export interface Remembered {
  /**
   * The key that signs answers, read once in a worker's life, and again when a signature does not
   * fit.
   */
  key?: Extract<Signing, { kind: 'key' }>;
  /**
   * The pull whose run was unfinished when its attempt ended. The next pull follows that run:
   * another run each time would make a slow Airflow slower.
   */
  pull?: { readonly run: string; readonly asked: string };
}

export class DagExchange {
  readonly #deps: Deps;
  readonly #job: ExchangeJob;
  readonly #authorization: Authorization;
  readonly #runId: string;
  readonly #isEarlier: boolean;
  readonly #remembered: Remembered;
  constructor(deps: Deps, job: ExchangeJob, authorization: Authorization, remembered: Remembered) {
    this.#remembered = remembered;
    this.#deps = deps;
    this.#job = job;
    this.#authorization = authorization;
    const earlier =
      job.delivery === null && remembered.pull?.asked === askedBy(job.request)
        ? remembered.pull.run
        : undefined;
    this.#isEarlier = earlier !== undefined;
    this.#runId = earlier ?? runIdOf(job, deps.randomHex);
  }

  async run(): Promise<Effect> {
    const effect = await this.#exchange();
    if (this.#job.delivery !== null) return effect;
    if (effect.kind === 'wait-run')
      this.#remembered.pull = { run: this.#runId, asked: askedBy(this.#job.request) };
    else delete this.#remembered.pull;
    return effect.kind === 'settle' && this.#isEarlier ? { ...effect, isEarlier: true } : effect;
  }

  async #exchange(): Promise<Effect> {
    if (this.#isEarlier || this.#job.delivery?.acceptedRun === this.#runId) return this.#follow();
    const trigger = await this.#trigger();
    if (trigger.is.kind === 'accepted-before') return this.#confirm();
    if (trigger.is.kind !== 'ok')
      return trigger.isTurnedAway ? turnedAway(trigger.reply) : asEffect(trigger.is);
    if (bodyOf('trigger', trigger.reply).dag_run_id !== this.#runId)
      return { kind: 'retry', for: 'airflow' };
    await this.#job.onAccepted(this.#runId);
    return this.#follow();
  }

  /**
   * Triggers the run. Where the batch does not get through, an empty run is triggered in the same
   * way. If the empty run is accepted, the batch is sent once more, because the empty run may have
   * met a gap between two failures of the network.
   */
  async #trigger(): Promise<Sent & { readonly isTurnedAway?: boolean }> {
    const send = (body: string, timeoutMs: number): Promise<Sent> =>
      this.#send('trigger', { method: 'POST', path: batchPath('dag'), body, timeoutMs });
    const isAboutTheBatch = ({ is, reply }: Sent): boolean =>
      this.#job.request.batch !== undefined && mayBeAboutTheBatch(is, reply);
    const first = await send(this.#triggerBody(), REQUEST_TIMEOUT_MS);
    if (
      !isAboutTheBatch(first) ||
      (await send(emptyRun(this.#deps.randomHex()), PROBE_TIMEOUT_MS)).is.kind !== 'ok'
    )
      return first;
    if (first.reply.kind === 'failed' && first.reply.why === 'timeout')
      return { ...first, isTurnedAway: true };
    const again = await send(this.#triggerBody(), REQUEST_TIMEOUT_MS);
    return { ...again, isTurnedAway: isAboutTheBatch(again) };
  }

  /**
   * Compares the run after a 409: the run id is taken. Only a run with this very request is ours.
   */
  async #confirm(): Promise<Effect> {
    const look = await this.#send('look', {
      method: 'GET',
      path: this.#path(),
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
    if (look.is.kind !== 'ok') return asEffect(look.is);
    if (!isSameRequest(bodyOf('look', look.reply).conf, this.#job.request))
      return { kind: 'next-attempt' };
    await this.#job.onAccepted(this.#runId);
    return this.#follow();
  }

  /** Waits for the accepted run and fetches its result. */
  async #follow(): Promise<Effect> {
    for (const timeoutMs of WAITS_MS) {
      const state = await this.#stateWithin(timeoutMs);
      if (typeof state !== 'string') return state;
      if (state === 'success') return this.#result();
      if (state === 'failed') return { kind: 'next-attempt' };
      if (state === 'queued' && (await this.#isPaused())) return { kind: 'wait-run', paused: true };
    }
    return { kind: 'wait-run', paused: false };
  }

  /**
   * Returns the run's state, at its end if that comes in time: by `/wait` where the server has such
   * a path (3.3 and newer), else by polling each second.
   */
  async #stateWithin(timeoutMs: number): Promise<string | Effect> {
    const wait = await this.#send('wait', {
      method: 'GET',
      path: `${this.#path()}/wait?interval=0.3`,
      timeoutMs,
    });
    if (wait.is.kind === 'ok') return bodyOf('wait', wait.reply).state;
    if (wait.reply.kind === 'failed' && wait.reply.why === 'timeout') return this.#look();
    if (wait.is.kind !== 'missing') return asEffect(wait.is);
    for (let waited = 0; ; waited += POLL_INTERVAL_MS) {
      const state = await this.#look();
      if (
        typeof state !== 'string' ||
        state === 'success' ||
        state === 'failed' ||
        waited >= timeoutMs
      )
        return state;
      await this.#deps.sleep(POLL_INTERVAL_MS);
    }
  }

  async #look(): Promise<string | Effect> {
    const look = await this.#send('look', {
      method: 'GET',
      path: this.#path(),
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
    return look.is.kind === 'ok' ? bodyOf('look', look.reply).state : asEffect(look.is);
  }

  async #isPaused(): Promise<boolean> {
    const dag = await this.#deps.http(
      { method: 'GET', path: `/api/v2/dags/${EXCHANGE_DAG}`, timeoutMs: REQUEST_TIMEOUT_MS },
      this.#authorization,
    );
    return dag.kind === 'http' && v.is(v.object({ is_paused: v.literal(true) }), dag.json);
  }

  async #result(): Promise<Effect> {
    const result = await this.#send('result', {
      method: 'GET',
      path: `${this.#path()}/taskInstances/exchange/xcomEntries/return_value`,
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
    if (result.is.kind !== 'ok') return asEffect(result.is);
    const { value } = bodyOf('result', result.reply);
    const doubt = await this.#whyNotSigned(value);
    if (doubt) return doubt;
    const response = v.safeParse(v.pipe(v.string(), v.parseJson(), ExchangeResponseSchema), value);
    if (!response.success && speaksAnotherProtocol(value)) return { kind: 'hold', for: 'update' };
    // A finished run without a valid answer: another attempt is harmless, the ledger replays.
    return response.success
      ? { kind: 'settle', response: response.output, via: 'dag', run: this.#runId }
      : { kind: 'next-attempt' };
  }

  /**
   * Returns the effect for an answer that is not signed, or undefined. Other users may write an
   * XCom and set a run's state, so an unsigned answer does not count, and this run can give no
   * other. Another attempt is harmless, the ledger replays. A key that does not fit may be old: the
   * key is read once more.
   */
  async #whyNotSigned(value: unknown): Promise<Effect | undefined> {
    for (const isAnew of [false, true]) {
      const known = isAnew ? undefined : this.#remembered.key;
      const signing = known ?? (await readSigning(this.#deps.http, this.#authorization));
      if (signing.kind === 'nobody') return undefined;
      if (signing.kind === 'nobody-yet') return { kind: 'retry', for: 'airflow' };
      if (signing.kind !== 'key') return asEffect(signing);
      this.#remembered.key = signing;
      if (
        typeof value === 'string' &&
        (await isSigned(value, signing, this.#runId, this.#job.request.user))
      )
        return undefined;
      if (!known) break;
    }
    return { kind: 'next-attempt' };
  }

  async #send(step: Step, request: Parameters<Http>[0]): Promise<Sent> {
    const reply = await this.#deps.http(request, this.#authorization);
    return { reply, is: classify(step, reply) };
  }

  #path(): string {
    return pathOf(this.#runId);
  }

  #triggerBody(): string {
    // A date would add a second unique key. conf holds a single string because newer Airflows
    // refuse some keys inside.
    return JSON.stringify({
      dag_run_id: this.#runId,
      logical_date: null,
      conf: { updraft: JSON.stringify(this.#job.request) },
    });
  }
}

/** Outside its own step, a missing run or a taken id means: try again under a new run id. */
function asEffect(is: Classified): Effect {
  if (is.kind === 'missing' || is.kind === 'accepted-before') return { kind: 'next-attempt' };
  return is.kind === 'ok' ? { kind: 'retry', for: 'airflow' } : is;
}
