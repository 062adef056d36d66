import * as v from 'valibot';
import { ExchangeResponseSchema } from '../../shared/exchange.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import { batchPath, PLUGIN_PATH } from './batch-target.ts';
import { bodyOf, classify, type Classified } from './classify.ts';
import type { Credentials } from './credentials.ts';
import type { Authorization, Http } from './http.ts';
import type { CredentialsKind, Effect, ExchangeJob, Transport } from './transport.ts';

const HELLO_TIMEOUT_MS = 10_000;
const EXCHANGE_TIMEOUT_MS = 30_000;

/**
 * The exchange as one request to the provider's plugin in Airflow's API server. The plugin itself compares the request's user with the
 * authenticated one before it looks at anything else and keeps nothing of a request it refuses, so no question goes ahead of each exchange;
 * `hello` does, until this worker has met the plugin: nobody's records are sent to an Airflow that has none, or to another user's session.
 */
export function createPluginTransport({ user, http, credentials }: { user: string; http: Http; credentials: Credentials }): Transport {
  let isMet = false;

  /** Airflow's own pages answer a path it does not know, with 200: only when Airflow itself speaks is the plugin missing, and else there is an outage. */
  const missing = async (): Promise<Effect> => {
    const version = await http({ method: 'GET', path: '/api/v2/version', timeoutMs: HELLO_TIMEOUT_MS }, { headers: {}, credentials: 'omit' });
    const is = classify('version', version);
    return is.effect === 'ok' ? { effect: 'hold', for: 'plugin-missing' } : asEffect(is);
  };

  const send = async (job: ExchangeJob, authorization: Authorization): Promise<Effect> => {
    if (!isMet) {
      const hello = await http({ method: 'GET', path: `${PLUGIN_PATH}/hello`, timeoutMs: HELLO_TIMEOUT_MS }, authorization);
      const is = classify('hello', hello);
      if (is.effect === 'missing') return missing();
      if (is.effect !== 'ok') return asEffect(is);
      const { protocol, user: whose } = bodyOf('hello', hello);
      if (whose !== user) return { effect: 'sign-in', reason: 'other-user' };
      if (protocol !== PROTOCOL_VERSION) return { effect: 'hold', for: 'update' };
      isMet = true;
    }
    const body = JSON.stringify(job.request);
    const reply = await http({ method: 'POST', path: batchPath('plugin'), body, compress: true, timeoutMs: EXCHANGE_TIMEOUT_MS }, authorization);
    const is = classify('exchange', reply);
    isMet = is.effect === 'ok';
    if (is.effect === 'missing') return missing();
    if (is.effect !== 'ok') return asEffect(is);
    const answer = bodyOf('exchange', reply);
    if (answer.protocol !== PROTOCOL_VERSION) return { effect: 'hold', for: 'update' };
    const response = v.safeParse(ExchangeResponseSchema, answer);
    return response.success ? { effect: 'settle', response: response.output, via: 'plugin' } : { effect: 'retry', for: 'airflow' };
  };

  return {
    carriesPrivate: true,
    async exchange(job: ExchangeJob, kind: CredentialsKind): Promise<Effect> {
      const authorization = await credentials.unchecked(kind);
      if ('effect' in authorization) return authorization;
      const effect = await send(job, authorization);
      if (effect.effect === 'sign-in') await credentials.forget(kind, authorization);
      return effect;
    },
  };
}

function asEffect(is: Classified): Effect {
  return is.effect === 'ok' || is.effect === 'missing' || is.effect === 'accepted-before' ? { effect: 'retry', for: 'airflow' } : is;
}
