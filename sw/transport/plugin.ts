import * as v from 'valibot';
import { ExchangeResponseSchema, type ExchangeRequest } from '../../shared/exchange.ts';
import { isSpoken } from '../../shared/protocol-version.ts';
import { batchPath, PLUGIN_PATH } from './batch-target.ts';
import { bodyOf, classify, mayBeAboutTheBatch, turnedAway, type Classified } from './classify.ts';
import type { Credentials } from './credentials.ts';
import { isPacked, type Authorization, type Http, type HttpReply } from './http.ts';
import type { CredentialsKind, Effect, ExchangeJob, Transport } from './transport.ts';

const HELLO_TIMEOUT_MS = 10_000;
const EXCHANGE_TIMEOUT_MS = 30_000;
/** A route that has garbled a compressed body gets plain bodies for this time. */
const PLAIN_FOR_MS = 3_600_000;

interface Deps {
  readonly user: string;
  readonly http: Http;
  readonly credentials: Credentials;
  /** ms since 1970 */
  readonly now: () => number;
}

/** The reply to an exchange request. */
interface Answer {
  readonly reply: HttpReply;
  readonly is: Classified;
  readonly isPacked: boolean;
}

/**
 * The exchange as one request to the provider's plugin in Airflow's API server. The plugin itself
 * compares the request's user with the authenticated user first and keeps nothing of a refused
 * request, so no identity request is needed before each exchange. Only `hello` is sent first, until
 * this worker has met the plugin: no records are sent to an Airflow without the plugin, or to
 * another user's session.
 */
export function createPluginTransport(deps: Deps): Transport {
  const route = new PluginRoute(deps);
  return {
    carriesPrivate: true,
    async exchange(job: ExchangeJob, kind: CredentialsKind): Promise<Effect> {
      const { credentials } = deps;
      const authorization = await credentials.unchecked(kind);
      if ('kind' in authorization) return authorization;
      const effect = await route.exchange(job, authorization);
      if (effect.kind === 'sign-in') await credentials.forget(kind, authorization);
      return effect;
    },
  };
}

/** The route to the plugin, with all that this worker has learnt about the route. */
class PluginRoute {
  readonly #deps: Deps;
  #hasGreeted = false;
  /** ms since 1970: until then bodies travel uncompressed. */
  #plainUntil = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async exchange({ request }: ExchangeJob, authorization: Authorization): Promise<Effect> {
    const obstacle = this.#hasGreeted ? undefined : await this.#greet(request, authorization);
    if (obstacle) return obstacle;
    const body = JSON.stringify(request);
    const answer = await this.#send(body, authorization);
    this.#hasGreeted = answer.is.kind === 'ok';
    if (request.batch === undefined || !isAboutTheBatch(answer)) return this.#conclude(answer);
    const { batch: _, hash: _hash, ...withoutData } = request;
    if (!(await this.#answersPull(JSON.stringify(withoutData), authorization)))
      return this.#conclude(answer);
    // Sent once more, because the pull may have met a gap between two failures of the network. Sent
    // uncompressed, because the batch may have been cut off for its compression.
    const last = isOverTime(answer) ? answer : await this.#sendPlain(body, authorization);
    return isAboutTheBatch(last) ? turnedAway(last.reply) : this.#conclude(last);
  }

  async #conclude(answer: Answer): Promise<Effect> {
    const effect = effectOf(answer);
    return effect.kind === 'missing' ? this.#missing() : asEffect(effect);
  }

  /**
   * Greets the plugin. Returns undefined once the plugin is known to speak to this user, in the
   * version of the request.
   */
  async #greet(
    request: ExchangeRequest,
    authorization: Authorization,
  ): Promise<Effect | undefined> {
    const { http, user } = this.#deps;
    const hello = await http(
      { method: 'GET', path: `${PLUGIN_PATH}/hello`, timeoutMs: HELLO_TIMEOUT_MS },
      authorization,
    );
    const is = classify('hello', hello);
    if (is.kind === 'missing') return this.#missing();
    if (is.kind !== 'ok') return asEffect(is);
    const { protocol: oldest, newest = oldest, user: whose } = bodyOf('hello', hello);
    if (whose !== user) return { kind: 'sign-in', reason: 'other-user' };
    if (request.protocol < oldest || request.protocol > newest)
      return { kind: 'hold', for: 'update' };
    this.#hasGreeted = true;
    return undefined;
  }

  /**
   * Sends a large body compressed. A body that may have been garbled is sent again uncompressed
   * before anything is concluded.
   */
  async #send(body: string, authorization: Authorization): Promise<Answer> {
    const { now } = this.#deps;
    const first = await this.#post(body, now() >= this.#plainUntil, authorization);
    return first.isPacked && mayBeGarbled(first) ? this.#sendPlain(body, authorization) : first;
  }

  async #sendPlain(body: string, authorization: Authorization): Promise<Answer> {
    const plain = await this.#post(body, false, authorization);
    if (isAnswer(plain)) this.#plainUntil = this.#deps.now() + PLAIN_FOR_MS;
    return plain;
  }

  async #post(
    body: string,
    compress: boolean,
    authorization: Authorization,
    timeoutMs = EXCHANGE_TIMEOUT_MS,
  ): Promise<Answer> {
    const reply = await this.#deps.http(
      { method: 'POST', path: batchPath('plugin'), body, compress, timeoutMs },
      authorization,
    );
    return { reply, is: classify('exchange', reply), isPacked: compress && isPacked(body) };
  }

  /**
   * Whether the plugin answers a request without data, on the route of the batch: a pull, whose
   * answer is thrown away (beside an unanswered batch the answer may be a refusal).
   */
  async #answersPull(body: string, authorization: Authorization): Promise<boolean> {
    return isAnswer(await this.#post(body, false, authorization, HELLO_TIMEOUT_MS));
  }

  /**
   * Returns the effect of a missing plugin. Airflow answers an unknown path with its own page and
   * 200, so the plugin is missing only where Airflow itself answers; otherwise Airflow is out of
   * service.
   */
  async #missing(): Promise<Effect> {
    const { http } = this.#deps;
    const version = await http(
      { method: 'GET', path: '/api/v2/version', timeoutMs: HELLO_TIMEOUT_MS },
      { headers: {}, credentials: 'omit' },
    );
    const is = classify('version', version);
    if (is.kind !== 'ok') return asEffect(is);
    return {
      kind: 'hold',
      for: 'plugin-missing',
      message: `Airflow ${bodyOf('version', version).version} answers, and has no ${PLUGIN_PATH}.`,
    };
  }
}

/** Classifies the answer, and reads an answer of the plugin's form whole. */
function effectOf({ is, reply }: Answer): Classified {
  if (is.kind !== 'ok') return is;
  const answer = bodyOf('exchange', reply);
  if (!isSpoken(answer.protocol)) return { kind: 'hold', for: 'update' };
  const response = v.safeParse(ExchangeResponseSchema, answer);
  return response.success
    ? { kind: 'settle', response: response.output, via: 'plugin' }
    : { kind: 'retry', for: 'airflow' };
}

const isAnswer = (answer: Answer): boolean => effectOf(answer).kind === 'settle';

const isAboutTheBatch = (answer: Answer): boolean =>
  mayBeAboutTheBatch(effectOf(answer), answer.reply);
/** Whether the attempt has used all its time. */
const isOverTime = ({ reply }: Answer): boolean =>
  reply.kind === 'failed' && reply.why === 'timeout';

/**
 * Whether a proxy may have garbled the compressed body: by removing the content encoding, or by
 * compressing again. The reader of such a body complains, in one of several ways.
 */
function mayBeGarbled(answer: Answer): boolean {
  const { reply } = answer;
  if (reply.kind === 'failed' || GATEWAY_STATUSES.includes(reply.status)) return false;
  const effect = effectOf(answer);
  switch (effect.kind) {
    case 'refuse':
      return reply.status !== 413;
    case 'settle':
      return GARBLED_KINDS.includes(effect.response.reason?.kind ?? '');
    default:
      return mayBeAboutTheBatch(effect, reply);
  }
}
/** Statuses of a gateway that has not looked at the body. */
const GATEWAY_STATUSES: readonly number[] = [502, 503, 504];
/** Kinds of refusals for a body that arrived changed. */
const GARBLED_KINDS: readonly string[] = ['malformed', 'hash'];

function asEffect(is: Classified): Effect {
  return is.kind === 'ok' || is.kind === 'missing' || is.kind === 'accepted-before'
    ? { kind: 'retry', for: 'airflow' }
    : is;
}
