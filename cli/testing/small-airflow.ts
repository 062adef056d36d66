import type { ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { COLLECTIONS, type AirflowSettings, type Asked, type Plant } from './plant.ts';

const WELL: AirflowSettings = {
  version: '3.3.2',
  user: 'ana',
  protocol: 1,
  newest: 2,
  collections: Object.fromEntries(
    Object.entries(COLLECTIONS.collections).map(([name, declared]) => [
      name,
      { read: 'all', write: 'all', ...declared },
    ]),
  ),
  bodyBytesMax: 1_048_576,
  skewSeconds: 0,
  hasPlugin: true,
  mayUse: true,
  origins: (app) => app,
  methods: ['GET', 'POST', 'PATCH'],
  headers: ['authorization', 'content-type', 'content-encoding', 'x-updraft'],
};
export const PASSWORD = 'ana’s own';
export const TOKEN = 'a.token.of-ana';
export const AIRFLOW_PAGE = '<!doctype html><html><title>Airflow</title></html>';

/** Answers as Airflow's API server does with the plugin, as far as the doctor asks. */
export class SmallAirflow {
  readonly #plant: Plant;
  readonly #is: AirflowSettings;

  constructor(plant: Plant) {
    this.#plant = plant;
    this.#is = { ...WELL, ...plant.airflow };
  }

  /** @param app the app's origin, where that is another one */
  answer(asked: Asked, response: ServerResponse, app?: string): void {
    this.#plant.onTheWay?.(asked);
    const { skewSeconds } = this.#is;
    response.setHeader('date', new Date(Date.now() + skewSeconds * 1_000).toUTCString());
    if (this.#plant.answers?.(asked, response)) return;
    if (app !== undefined) this.#allow(response, app);
    if (asked.method === 'OPTIONS') this.#preflight(asked, response);
    else this.#route(asked, response);
  }

  #allow(response: ServerResponse, app: string): void {
    const origin = this.#is.origins(app);
    if (origin !== undefined) response.setHeader('access-control-allow-origin', origin);
  }

  /** Answers as Starlette's middleware does: what is not allowed is a 400. */
  #preflight({ headers }: Asked, response: ServerResponse): void {
    const { methods, headers: names } = this.#is;
    const method = headers['access-control-request-method'] ?? '';
    const asked = (headers['access-control-request-headers'] ?? '').split(',');
    const isAllowed = methods.includes(method) && asked.every((name) => names.includes(name));
    response
      .writeHead(isAllowed ? 200 : 400, {
        'access-control-allow-methods': methods.join(', '),
        'access-control-allow-headers': names.join(', '),
      })
      .end(isAllowed ? 'OK' : 'Disallowed');
  }

  #route(asked: Asked, response: ServerResponse): void {
    const path = asked.path.replace(/^\/airflow/, '');
    const { version } = this.#is;
    if (path === '/api/v2/version') reply(response, 200, { version });
    else if (path === '/auth/token') signIn(asked, response);
    else if (path.startsWith('/updraft/v1/') && this.#is.hasPlugin) this.#plugin(asked, response);
    else response.writeHead(200, { 'content-type': 'text/html' }).end(AIRFLOW_PAGE);
  }

  #plugin(asked: Asked, response: ServerResponse): void {
    const { headers, path } = asked;
    const bearer = /^Bearer (.*)$/.exec(headers['authorization'] ?? '')?.[1];
    const cookie = /(?:^|; )_token=([^;]*)/.exec(headers['cookie'] ?? '')?.[1];
    const token = bearer ?? cookie;
    if (token === undefined) return reply(response, 401, { detail: 'Not authenticated' });
    if (token !== TOKEN) return reply(response, 403, { detail: 'Invalid JWT token' });
    if (bearer === undefined && headers['x-updraft'] !== '1')
      return reply(response, 403, { detail: { kind: 'csrf', message: 'X-Updraft is missing' } });
    if (!this.#is.mayUse) return reply(response, 403, { detail: 'Forbidden' });
    if (path.endsWith('/hello')) return this.#hello(response);
    if (path.endsWith('/live'))
      return void response
        .writeHead(200, { 'content-type': 'application/x-ndjson' })
        .write('{"epoch":"e","heads":{}}\n');
    return this.#exchange(asked, response);
  }

  #hello(response: ServerResponse): void {
    const { user, protocol, newest, collections } = this.#is;
    reply(response, 200, { protocol, newest, user, collections, epoch: 'e' });
  }

  #exchange({ headers, body }: Asked, response: ServerResponse): void {
    if (body.byteLength > this.#is.bodyBytesMax)
      return reply(response, 413, { detail: 'too large' });
    try {
      const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      new TextDecoder('utf-8', { fatal: true }).decode(text);
    } catch {
      return reply(response, 400, { detail: { kind: 'encoding', message: 'not UTF-8' } });
    }
    return reply(response, 200, { protocol: 1, replicaId: null, refused: 'invalid' });
  }
}

function signIn({ body }: Asked, response: ServerResponse): void {
  const { username, password } = JSON.parse(body.toString()) as Record<string, string>;
  if (username === 'ana' && password === PASSWORD) reply(response, 201, { access_token: TOKEN });
  else reply(response, 401, { detail: 'Invalid credentials' });
}

/** Answers with JSON. */
export function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
