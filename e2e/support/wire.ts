import {
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { TransportName } from '../../shared/limits.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import { tokensOf } from './secrets.ts';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** Kind of a request of the exchange. */
export type Step =
  | 'identity'
  | 'trigger'
  | 'wait'
  | 'look'
  | 'result'
  | 'hello'
  | 'exchange'
  | 'live'
  | 'other';

/** Fault of a request. `commit` in a name: Airflow has received the request and done the work. */
export type Fault =
  | 'refuse' // the connection is cut, Airflow sees nothing
  | 'reset-after-commit' // Airflow answers, the answer is lost with the connection
  | 'truncate' // half of the body, cut off
  | 'half-json' // half of the body, closed as if complete
  | 'portal-200' // a captive portal's own page
  | 'portal-303' // … or a redirect to a login page
  | 'without-encoding' // a proxy drops Content-Encoding, the body stays compressed
  | 'newer-provider' // Airflow answers as a provider of the next protocol version
  | 'gateway-502'; // a broken gateway's page

export interface Seen {
  readonly step: Step;
  readonly at: number;
  readonly path: string;
  readonly fault: Fault | 'held' | undefined;
}

/** A firewall that reads bodies, compressed bodies too. */
export interface Firewall {
  /** Undefined lets the request pass. */
  readonly refuses: (body: string) => boolean;
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Rule {
  readonly steps: readonly Step[] | 'all';
  readonly fault: Fault;
  left: number;
}

const GZIP_MAGIC = 0x1f;
const PORTAL =
  '<!doctype html><title>Welcome</title><h1>Free Wi-Fi</h1><p>Please accept our ' +
  'terms to go on.</p>';
const GATEWAY =
  '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad ' +
  'Gateway</h1></center></body></html>';

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

/** A request held after Airflow's answer. */
export class Held {
  readonly arrived: Promise<void>;
  readonly #arrive: () => void;
  readonly #release: (how: 'deliver' | 'cut') => void;
  readonly released: Promise<'deliver' | 'cut'>;
  constructor() {
    const arrival = deferred<void>();
    this.arrived = arrival.promise;
    this.#arrive = arrival.resolve;
    const release = deferred<'deliver' | 'cut'>();
    this.released = release.promise;
    this.#release = release.resolve;
  }
  arrive = (): void => this.#arrive();
  /** Lets the answer go on. */
  release = (): void => this.#release('deliver');
  /** Cuts the connection instead. */
  cut = (): void => this.#release('cut');
}

/**
 * The wire between the browser and Airflow, which a test can make behave like real networks. Stands
 * in for a reverse proxy's way to Airflow.
 */
export class Wire {
  readonly seen: Seen[] = [];
  /** Tokens of the browser's requests. */
  readonly tokens = new Set<string>();
  readonly #airflowUrl: () => string;
  #observe: ((body: Buffer, step: Step) => void) | undefined;
  #rules: Rule[] = [];
  #firewall: Firewall | undefined;
  #holds: { step: Step; before: boolean; held: Held }[] = [];
  /**
   * Transport of the exchanges: without the plugin Airflow answers the plugin's paths as unknown.
   */
  via: TransportName;
  constructor(airflowUrl: () => string, via: TransportName) {
    this.#airflowUrl = airflowUrl;
    this.via = via;
  }

  /** The requests after which Airflow has the batch, whether or not the device gets the answer. */
  get committing(): readonly Step[] {
    return this.via === 'plugin' ? ['exchange'] : ['trigger', 'look', 'result'];
  }

  /** The request that carries the batch, and the request whose answer settles the batch. */
  get sending(): Step {
    return this.via === 'plugin' ? 'exchange' : 'trigger';
  }
  get settling(): Step {
    return this.via === 'plugin' ? 'exchange' : 'result';
  }

  /** Lets these requests meet the fault from now on, the given number of times. */
  fail(steps: readonly Step[] | 'all', fault: Fault, times = Number.POSITIVE_INFINITY): void {
    this.#rules.push({ steps, fault, left: times });
  }

  heal(): void {
    this.#rules = [];
    this.#firewall = undefined;
  }

  /** Reads every body under way from now on. */
  guard(firewall: Firewall): void {
    this.#firewall = firewall;
  }

  /** Holds the next such request after Airflow's answer, while the browser waits. */
  holdAnswer(step: Step): Held {
    return this.#hold(step, false);
  }

  /** Holds the next such request, unseen by Airflow. */
  holdRequest(step: Step): Held {
    return this.#hold(step, true);
  }

  /** Hands every exchange's request, by either transport, to the observer before Airflow. */
  observeExchanges(observer: (request: string) => void): void {
    this.#observe = (body, step) => {
      const text = textOf(body);
      observer(
        step === 'trigger'
          ? (JSON.parse(text) as { conf: { updraft: string } }).conf.updraft
          : text,
      );
    };
  }

  count(step: Step): number {
    return this.seen.filter((one) => one.step === step).length;
  }

  /** For `serveDemo`: resolves to true if the wire has answered. */
  intercept = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const path = request.url ?? '/';
    if (!/^\/airflow(\/|$)/.test(path)) return false;
    const step = stepOf(request.method ?? 'GET', path);
    for (const token of tokensOf(request.headers)) this.tokens.add(token);
    if (this.via === 'dag')
      request.url = path.replace(/^\/airflow\/updraft\//, '/airflow/not-installed/');
    const hold = this.#holds.find((one) => one.step === step)?.held;
    const before = this.#holds.find((one) => one.held === hold)?.before === true;
    const rule = hold
      ? undefined
      : this.#rules.find(
          ({ steps, left }) => left > 0 && (steps === 'all' || steps.includes(step)),
        );
    this.seen.push({ step, path, at: Date.now(), fault: hold ? 'held' : rule?.fault });
    if (hold) {
      this.#holds = this.#holds.filter((one) => one.held !== hold);
      await this.#answerHeld(hold, before, request, response);
      return true;
    }
    const guard = this.#firewall;
    if (!rule && guard && request.method !== 'GET') return this.#guarded(guard, request, response);
    const observe = this.#observe;
    if (!rule && observe && (step === 'exchange' || step === 'trigger')) {
      const answer = await this.#ask(request, (body) => observe(body, step)).catch(() => undefined);
      if (answer) deliver(response, answer);
      else response.destroy(); // Airflow is down
      return true;
    }
    if (!rule) return false;
    rule.left -= 1;
    await this.#play(rule.fault, request, response);
    return true;
  };

  async #guarded(
    guard: Firewall,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<true> {
    let isRefused = false;
    const read = (body: Buffer): boolean => (isRefused = guard.refuses(textOf(body)));
    const answer = await this.#ask(request, read).catch(() => undefined);
    if (isRefused) response.writeHead(guard.status, { 'content-type': guard.type }).end(guard.body);
    else if (answer) deliver(response, answer);
    else response.destroy();
    return true;
  }

  #hold(step: Step, before: boolean): Held {
    const held = new Held();
    this.#holds.push({ step, before, held });
    return held;
  }

  async #answerHeld(
    held: Held,
    before: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (before) {
      held.arrive();
      if ((await held.released) === 'cut' || response.destroyed) return void response.destroy();
      deliver(response, await this.#ask(request));
      return;
    }
    const answer = await this.#ask(request);
    held.arrive();
    if ((await held.released) === 'cut') response.destroy();
    else deliver(response, answer);
  }

  async #play(fault: Fault, request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (fault) {
      case 'refuse':
        return void request.socket.destroy();
      case 'portal-200':
        return void response
          .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
          .end(PORTAL);
      case 'portal-303':
        return void response
          .writeHead(303, { location: '/login.html', 'content-type': 'text/html' })
          .end();
      case 'gateway-502':
        return void response.writeHead(502, { 'content-type': 'text/html' }).end(GATEWAY);
      case 'newer-provider': {
        const answer = await this.#ask(request);
        const body = Buffer.from(
          answer.body
            .toString('utf8')
            .replace(/"protocol":\d+/, `"protocol":${PROTOCOL_VERSION + 1}`),
        );
        return deliver(response, { ...answer, body });
      }
      case 'without-encoding':
        delete request.headers['content-encoding'];
        return deliver(response, await this.#ask(request));
      case 'reset-after-commit':
        await this.#ask(request);
        return void request.socket.destroy();
      case 'truncate':
      case 'half-json': {
        const { status, headers, body } = await this.#ask(request);
        const half = body.subarray(0, body.length >> 1);
        if (fault === 'half-json')
          return void response
            .writeHead(status, { ...headers, 'content-length': half.length })
            .end(half);
        response.writeHead(status, { ...headers, 'content-length': body.length });
        response.write(half, () => response.destroy());
      }
    }
  }

  /** The whole exchange with Airflow, uncompressed so that half of the body is half of the JSON. */
  async #ask(
    request: IncomingMessage,
    observe?: (body: Buffer) => boolean | void,
  ): Promise<Answer> {
    const { hostname, port } = new URL(this.#airflowUrl());
    const { 'accept-encoding': _encoding, connection: _connection, ...headers } = request.headers;
    const whole = observe && (await buffer(request));
    // True: Airflow does not see the request.
    if (whole && observe(whole) === true) throw new Error('refused on the way');
    return new Promise((resolve, reject) => {
      const upstream = send(
        { hostname, port, method: request.method, path: request.url, headers },
        (answer) => {
          const { 'transfer-encoding': _chunked, connection: _kept, ...rest } = answer.headers;
          buffer(answer).then(
            (body) => resolve({ status: answer.statusCode ?? 502, headers: rest, body }),
            reject,
          );
        },
      );
      upstream.on('error', reject);
      if (whole) upstream.end(whole);
      else request.pipe(upstream);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const textOf = (body: Buffer): string =>
  (body[0] === GZIP_MAGIC ? gunzipSync(body) : body).toString('utf8');

function deliver(response: ServerResponse, { status, headers, body }: Answer): void {
  if (!response.destroyed)
    response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

function stepOf(method: string, url: string): Step {
  const path = url.split('?')[0] ?? url;
  if (/^\/airflow\/ui\/auth\/(me|token)$/.test(path)) return 'identity';
  const plugin = /^\/airflow\/updraft\/v1\/(hello|exchange|live)$/.exec(path)?.[1];
  if (plugin !== undefined) return plugin as 'hello' | 'exchange' | 'live';
  const run = /^\/airflow\/api\/v2\/dags\/updraft_exchange\/dagRuns(\/[^/]+)?(\/.*)?$/.exec(path);
  if (!run) return 'other';
  if (method === 'POST' && run[1] === undefined) return 'trigger';
  if (method !== 'GET' || run[1] === undefined) return 'other';
  if (run[2] === undefined) return 'look';
  if (run[2] === '/wait') return 'wait';
  return run[2].endsWith('/xcomEntries/return_value') ? 'result' : 'other';
}
