import { createHttp, type Authorization, type Http, type HttpRequest } from '../transport/http.ts';
import type { SessionAirflow } from './session-airflow.ts';

/** The answer of a middlebox in the place of Airflow's; throws where no answer comes. */
export type Box = () => Response;

const HTML = '<html><head><title>Blocked</title></head><body>Request rejected</body></html>';
const json = (status: number, body: unknown, headers: Record<string, string> = {}): Box => {
  const text = JSON.stringify(body);
  return () =>
    new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } });
};
const html = (status: number): Box => {
  return () => new Response(HTML, { status, headers: { 'content-type': 'text/html' } });
};
const empty =
  (status: number): Box =>
  () =>
    new Response(null, { status });

/** A body of which only the beginning comes. */
const cut: Box = () =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"protocol": 1, "replicaId":'));
        controller.error(new TypeError('network error'));
      },
    }),
    { status: 200, headers: { 'content-type': 'application/json' } },
  );
const reset: Box = () => {
  throw new TypeError('Failed to fetch');
};
/** The request is sent on to another address, which the browser does not tell. */
const redirect: Box = () =>
  Object.defineProperty(new Response(), 'type', { value: 'opaqueredirect' });

const STATUSES = [
  400, 401, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 417, 418, 421, 422, 423,
  425, 428, 431, 451, 500, 501, 502, 503, 504, 507, 511, 520, 525,
];

/**
 * Every kind of answer by which a middlebox refuses one record: pages, JSON of its own, nothing at
 * all. None has Airflow's own words.
 */
export const REFUSALS: readonly (readonly [name: string, box: Box])[] = [
  ...STATUSES.map((status) => [`${status} with a page`, html(status)] as const),
  ...[400, 403, 404, 409, 422, 500, 503].map(
    (status) => [`${status} with JSON of its own`, json(status, { error: 'blocked' })] as const,
  ),
  ['403 with nothing', empty(403)],
  ['500 with nothing', empty(500)],
  ['403 with "detail" of a firewall', json(403, { detail: 'Blocked by policy 17' })],
  ['400 with "detail"', json(400, { detail: 'Bad request' })],
  ['415 with "detail"', json(415, { detail: 'Unsupported' })],
  ['422 with "detail"', json(422, { detail: [{ loc: ['body'], msg: 'Field required' }] })],
  ['500 with "detail"', json(500, { detail: 'Internal Server Error' })],
  ['503 with "Retry-After"', json(503, { error: 'maintenance' }, { 'retry-after': '120' })],
  ['200 with a page', html(200)],
  ['200 with nothing', empty(200)],
  ['204', empty(204)],
  ['200 with JSON of another shape', json(200, { status: 'ok' })],
  ['200 with a list', json(200, [])],
  ['200 with null', json(200, null)],
  ['a body that is cut', cut],
  ['a connection that is reset', reset],
  ['a redirect to another origin', redirect],
];

/** Refusals that come in the place of Airflow's answer: one of each form. */
export const OF_THE_ANSWER = REFUSALS.filter(([name]) =>
  /^(403 with a|409 with J|422 with "|500 with n|200 with a p|a )/.test(name),
);

/** Answers that mean a time at which nobody is served: no record is to blame. */
export const BUSY: readonly (readonly [name: string, box: Box])[] = [
  ['429 with a page', html(429)],
  ['429 with JSON of its own', json(429, { error: 'slow down' }, { 'retry-after': '60' })],
  ['503 of a busy plugin', json(503, { detail: { kind: 'busy', message: 'Try again.' } })],
];

/** The network to Airflow, with a middlebox that reads every request. */
export class RefusingBox {
  readonly #airflow: SessionAirflow;
  box: Box | undefined;
  /** Whether Airflow gets the request all the same, and its answer is thrown away. */
  passesRequest = false;
  /** Requests that were answered by the box. */
  refused = 0;
  readonly http: Http;

  constructor(airflow: SessionAirflow, forbidden: string) {
    this.#airflow = airflow;
    const fetchOf = async (url: string, init: RequestInit = {}): Promise<Response> => {
      const isRefused = typeof init.body === 'string' && init.body.includes(forbidden);
      if (!this.box || !isRefused) return this.#pass(url, init);
      if (this.passesRequest) await this.#pass(url, init);
      this.refused += 1;
      return this.box();
    };
    this.http = createHttp('', fetchOf as typeof fetch, () => 0);
  }

  async #pass(
    path: string,
    { method, body, headers, credentials }: RequestInit,
  ): Promise<Response> {
    const request = {
      method: method as HttpRequest['method'],
      path,
      ...(typeof body === 'string' ? { body } : {}),
      timeoutMs: 1_000,
    };
    const authorization = { headers, credentials } as Authorization;
    const reply = await this.#airflow.http(request, authorization);
    if (reply.kind === 'failed') throw new TypeError(reply.why);
    return new Response(JSON.stringify(reply.json), { status: reply.status });
  }
}
