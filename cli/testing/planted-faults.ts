import type { LookupFunction } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { SiteOptions } from '../doctor/site.ts';
import type { Asked, Plant } from './plant.ts';
import { AIRFLOW_PAGE, reply, TOKEN } from './small-airflow.ts';

/** A misconfiguration by its name, and the finding that must tell of it. */
export interface PlantedFault {
  readonly name: string;
  /** Name of the finding. */
  readonly finding: string;
  /** Part of what is told, and of the way to mend it. */
  readonly words: string;
  readonly mend: string;
  readonly state?: 'warning';
  readonly plant: Plant;
  readonly options?:
    | Partial<SiteOptions>
    | ((url: string, airflow: string) => Partial<SiteOptions>);
}

const HTML = 'text/html';
const APP_PAGE = '<!doctype html><html><title>Field</title></html>';
const WORKER = '/updraft-sw.js';
const redirect = (location: string) => ({ body: '', status: 302, headers: { location } });
const at = (path: string, then: (asked: Asked) => void) => (asked: Asked) => {
  if (asked.path.includes(path)) then(asked);
};
const without = (header: string) => at('/updraft/', ({ headers }) => void delete headers[header]);
const collectionsFile = (body: string): Plant => ({
  files: { '/collections.json': { body, type: 'application/json' } },
});
const worker = (file: object): Plant => ({
  files: { [WORKER]: { body: '/* updraft */', ...file } },
});

/** Every name is this computer's: a site that is not localhost, without leaving it. */
const toLoopback: LookupFunction = (_name, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};
const named = (url: string): string => url.replace('127.0.0.1', 'field.test');

const OF_THE_APP: readonly PlantedFault[] = [
  {
    name: 'nothing listens at the app’s address',
    finding: 'page',
    words: 'cannot be reached: connect ECONNREFUSED',
    mend: "curl -i 'http://127.0.0.1:1/'   (then start the server that should answer)",
    plant: {},
    options: { app: 'http://127.0.0.1:1/' },
  },
  {
    name: 'the page is not deployed',
    finding: 'page',
    words: 'answers 404',
    mend: 'correct the URL, or deploy the app there',
    plant: { files: { '/': { body: '', status: 404 } } },
  },
  {
    name: 'the app’s server is broken',
    finding: 'page',
    words: 'answers 500',
    mend: "(then the server's log)",
    plant: { files: { '/': { body: '', status: 500 } } },
  },
  {
    name: 'a sign-in stands before the page',
    finding: 'page',
    words: 'sends on to https://login.example/',
    mend: "npx airflow-updraft doctor 'https://login.example/'",
    plant: { files: { '/': redirect('https://login.example/?next=secret') } },
  },
  {
    name: 'the page has the type of a download',
    finding: 'page',
    words: 'is application/octet-stream, not text/html',
    mend: 'include mime.types',
    plant: { files: { '/': { body: 'Field', type: 'application/octet-stream' } } },
  },
  {
    name: 'the page is gzip and does not say so',
    finding: 'page',
    words: 'arrives garbled: the body is gzip, and no header Content-Encoding says so',
    mend: 'gzip off;',
    plant: { files: { '/': { body: gzipSync(APP_PAGE), type: HTML } } },
  },
  {
    name: 'the page says that it is gzip, and is not',
    finding: 'page',
    words: 'arrives garbled: Content-Encoding says gzip, and the body is not',
    mend: 'gzip off;',
    plant: {
      files: { '/': { body: APP_PAGE, type: HTML, headers: { 'content-encoding': 'gzip' } } },
    },
  },
  {
    name: 'http without localhost',
    finding: 'secure-context',
    words: 'is no secure context',
    mend: 'serve the app by https:   https://field.test',
    plant: {},
    options: (url) => ({ app: `${named(url)}/`, lookup: toLoopback }),
  },
  {
    name: 'the worker is not deployed',
    finding: 'worker',
    words: `${WORKER} answers 404`,
    mend: `deploy the worker's script at ${WORKER}`,
    plant: worker({ status: 404 }),
  },
  {
    name: 'no worker at all',
    finding: 'worker',
    words: 'no worker was found',
    mend: '--worker /path/of/sw.js',
    plant: { files: { '/assets/app.js': { body: '' }, [WORKER]: { body: '', status: 404 } } },
  },
  {
    name: 'the server answers the worker’s path with the app',
    finding: 'worker',
    words: 'is a page, not a script: the server answers unknown paths with the app',
    mend: `deploy the worker's script at ${WORKER}`,
    plant: worker({ body: APP_PAGE, type: HTML }),
  },
  {
    name: 'case D8: the worker has another type',
    finding: 'worker',
    words: 'has the type text/plain, not text/javascript',
    mend: 'types { text/javascript js mjs; }',
    plant: worker({ type: 'text/plain' }),
  },
  {
    name: 'case D8: the worker is a module',
    finding: 'worker',
    words: 'is a module',
    mend: "type: 'module'",
    state: 'warning',
    plant: worker({ body: "import { startUpdraft } from 'airflow-updraft/sw';" }),
  },
  {
    name: 'the worker is behind a redirect',
    finding: 'worker',
    words: 'sends on to https://cdn.example/sw.js (302)',
    mend: `serve it at ${WORKER} itself`,
    plant: worker(redirect('https://cdn.example/sw.js')),
  },
  {
    name: 'case D9: a worker without startUpdraft()',
    finding: 'worker',
    words: 'does not contain Updraft',
    mend: 'startUpdraft({',
    plant: worker({ body: 'self.skipWaiting();' }),
  },
  {
    name: 'the worker lies below the page',
    finding: 'scope',
    words: "the page / is outside of the worker's scope /deep/",
    mend: 'as /sw.js',
    plant: { files: { '/deep/updraft-sw.js': { body: '/* updraft */' } } },
    options: { worker: '/deep/updraft-sw.js' },
  },
  {
    name: 'a scope above the script without the header',
    finding: 'scope',
    words: 'the scope / needs the header Service-Worker-Allowed, and there is none',
    mend: 'add_header Service-Worker-Allowed /;',
    plant: { files: { '/deep/updraft-sw.js': { body: '/* updraft */' } } },
    options: { worker: '/deep/updraft-sw.js', scope: '/' },
  },
  {
    name: 'a policy without worker-src',
    finding: 'content-policy worker-src',
    words: "the page's Content-Security-Policy does not let",
    mend: "worker-src 'self';",
    plant: {
      files: {
        '/': {
          body: '<!doctype html><script src="/assets/app.js"></script>',
          type: HTML,
          headers: { 'content-security-policy': "default-src 'none'; connect-src 'self'" },
        },
      },
    },
  },
  {
    name: 'the worker’s policy names no Airflow',
    finding: 'content-policy connect-src',
    words: "the worker's Content-Security-Policy does not let",
    mend: "connect-src 'self' http://127.0.0.1:",
    plant: {
      twoOrigins: true,
      files: {
        [WORKER]: {
          body: '/* updraft */',
          headers: { 'content-security-policy': "connect-src 'self'" },
        },
      },
    },
  },
  {
    name: 'collections.json is not deployed',
    finding: 'collections',
    words: '/collections.json answers 404',
    mend: 'deploy it at /collections.json',
    plant: { files: { '/collections.json': { body: '', status: 404 } } },
  },
  {
    name: 'the server answers collections.json with the app',
    finding: 'collections',
    words: 'is a page, not JSON',
    mend: 'deploy collections.json at /collections.json',
    plant: { files: { '/collections.json': { body: APP_PAGE, type: HTML } } },
  },
  {
    name: 'case D2: collections.json is cut off',
    finding: 'collections',
    words: 'is not JSON',
    mend: 'collections.schema.json',
    plant: collectionsFile('{"version": 1,'),
  },
  {
    name: 'case D9: index: for indexes:',
    finding: 'collections',
    words: 'Did you mean "indexes"?',
    mend: 'mend the file',
    plant: collectionsFile('{"version":1,"collections":{"a":{"schema":{},"index":["b"]}}}'),
  },
];

const OF_AIRFLOW: readonly PlantedFault[] = [
  {
    name: 'nothing passes /airflow on: the app answers it',
    finding: 'airflow',
    words: 'is a page, not Airflow: the app’s server answers itself',
    mend: 'location /airflow/ { proxy_pass http://airflow-api:8080;',
    plant: { answers: (_, response) => page(response, 200, APP_PAGE) },
  },
  {
    name: 'case D10: Airflow is under another path',
    finding: 'airflow',
    words: 'answers 404: Airflow is not under this path',
    mend: 'startUpdraft({ airflow: … });',
    plant: { answers: (_, response) => page(response, 404, 'Not found') },
  },
  {
    name: 'base_url has another path than the proxy',
    finding: 'airflow',
    words: 'and has another path there: it shows its own page',
    mend: 'export AIRFLOW__API__BASE_URL=http://127.0.0.1:',
    plant: { answers: (_, response) => page(response, 200, AIRFLOW_PAGE) },
  },
  {
    name: 'case D10: Airflow is down behind its proxy',
    finding: 'airflow',
    words: 'answers 502: Airflow or the way to it is down',
    mend: '(then the logs of proxy and API server)',
    plant: { answers: (_, response) => page(response, 502, 'Bad Gateway') },
  },
  {
    name: 'a single sign-on stands before Airflow',
    finding: 'airflow',
    words: 'sends on to https://sso.example/start (302)',
    mend: 'let the proxy pass /updraft/ and /api/',
    plant: {
      answers: (_, response) => {
        response.writeHead(302, { location: 'https://sso.example/start?secret' }).end();
        return true;
      },
    },
  },
  {
    name: 'an Airflow that is too old',
    finding: 'airflow',
    words: 'Airflow 3.0.6 is older than 3.1.8',
    mend: "pip install --upgrade 'apache-airflow>=3.1.8'",
    plant: { airflow: { version: '3.0.6' } },
  },
  {
    name: 'the server’s clock is wrong',
    finding: 'clock',
    words: 's ahead of this computer’s',
    mend: 'timedatectl set-ntp true',
    plant: { airflow: { skewSeconds: 4_000 } },
  },
  {
    name: 'Airflow without the plugin',
    finding: 'plugin',
    words: 'this Airflow has no plugin',
    mend: 'pip install airflow-provider-updraft',
    plant: { airflow: { hasPlugin: false } },
  },
  {
    name: 'a proxy that lets only /api/ pass',
    finding: 'plugin',
    words: 'a proxy that lets only /api/ pass',
    mend: 'location of /updraft/: proxy_pass',
    plant: {
      answers: ({ path }, response) => path.includes('/updraft/') && page(response, 404, ''),
    },
  },
  {
    name: 'case D10: the plugin’s store has no Connection',
    finding: 'plugin',
    words: 'the plugin answers 503, store_not_configured: there is no updraft_default',
    mend: 'airflow updraft check',
    plant: {
      answers({ path }, response) {
        if (!path.includes('/updraft/')) return false;
        const detail = { kind: 'store_not_configured', message: 'there is no updraft_default' };
        reply(response, 503, { detail });
        return true;
      },
    },
  },
  {
    name: 'a cache before Airflow',
    finding: 'plugin',
    words: 'a cache answers',
    mend: 'proxy_cache off;',
    plant: {
      answers({ path }, response) {
        if (path.includes('/updraft/')) response.setHeader('age', '12');
        return false;
      },
    },
  },
  {
    name: 'everybody is an administrator',
    finding: 'plugin',
    words: 'everybody is let in without a sign-in',
    mend: 'export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=False',
    state: 'warning',
    plant: {
      answers({ path }, response) {
        if (!path.includes('/hello')) return false;
        reply(response, 200, { protocol: 1, newest: 2, user: 'admin', collections: {} });
        return true;
      },
    },
  },
  {
    name: 'a proxy with a basic sign-in of its own strips Authorization',
    finding: 'authorization',
    words: 'the header Authorization does not reach Airflow',
    mend: 'proxy_set_header Authorization $http_authorization;',
    plant: { onTheWay: without('authorization') },
  },
  {
    name: 'a proxy with a small limit of bodies',
    finding: 'request-size',
    words: 'a request of 1048576 bytes is refused (answered 413)',
    mend: 'client_max_body_size 2m;',
    plant: {
      answers: ({ body }, response) => body.byteLength > 1_000_000 && page(response, 413, ''),
    },
  },
  {
    name: 'a firewall that cuts large requests off',
    finding: 'request-size',
    words: 'a request of 1048576 bytes is refused (',
    mend: 'or let the firewall pass it',
    plant: {
      answers({ body }, response) {
        if (body.byteLength > 1_000_000) response.destroy();
        return body.byteLength > 1_000_000;
      },
    },
    options: { token: TOKEN },
  },
];

const OF_TWO_ORIGINS: readonly PlantedFault[] = [
  {
    name: 'CORS is not set up',
    finding: 'cors origin',
    words: 'does not allow the origin http://127.0.0.1:',
    mend: 'export AIRFLOW__API__ACCESS_CONTROL_ALLOW_ORIGINS=http://127.0.0.1:',
    plant: { twoOrigins: true, airflow: { origins: () => undefined } },
  },
  {
    name: 'CORS headers of Airflow and of the proxy',
    finding: 'cors origin',
    words: 'names Access-Control-Allow-Origin twice',
    mend: 'proxy_hide_header Access-Control-Allow-Origin;',
    plant: { twoOrigins: true, airflow: { origins: (app) => `${app}, ${app}` } },
  },
  {
    name: 'case D5: CORS without PATCH',
    finding: 'cors PATCH',
    words: 'does not allow the method PATCH',
    mend: 'ACCESS_CONTROL_ALLOW_METHODS=GET,POST,PATCH',
    plant: { twoOrigins: true, airflow: { methods: ['GET', 'POST'] } },
  },
  {
    name: 'CORS without DELETE, for devices that delete settled runs',
    finding: 'cors DELETE',
    words: 'does not allow the method DELETE',
    mend: 'ACCESS_CONTROL_ALLOW_METHODS=GET,POST,PATCH,DELETE',
    plant: { twoOrigins: true },
    options: (_, airflow) => ({
      worker: `${WORKER}?settledRuns=delete&airflow=${encodeURIComponent(airflow)}`,
    }),
  },
  ...['authorization', 'content-type', 'content-encoding', 'x-updraft'].map((header) => ({
    name: `CORS without ${header}`,
    finding: `cors ${header}`,
    words: `does not allow the header ${header}`,
    mend: 'ACCESS_CONTROL_ALLOW_HEADERS=authorization,content-type,content-encoding,x-updraft',
    plant: {
      twoOrigins: true,
      airflow: {
        headers: ['authorization', 'content-type', 'content-encoding', 'x-updraft'].filter(
          (name) => name !== header,
        ),
      },
    },
  })),
  {
    name: 'a sign-in before Airflow that refuses OPTIONS',
    finding: 'cors status',
    words: 'OPTIONS for GET is answered 401',
    mend: 'let OPTIONS pass without credentials',
    plant: {
      twoOrigins: true,
      answers({ method, headers }, response) {
        if (method !== 'OPTIONS') return false;
        response.writeHead(401, {
          'access-control-allow-origin': headers['origin'],
          'access-control-allow-methods': 'GET, POST, PATCH',
          'access-control-allow-headers': headers['access-control-request-headers'],
        });
        response.end();
        return true;
      },
    },
  },
];

const OF_THE_SESSION: readonly PlantedFault[] = [
  {
    name: 'a wrong password',
    finding: 'sign-in',
    words: 'Airflow refuses ana’s password',
    mend: 'set UPDRAFT_PASSWORD to theirs',
    plant: {},
    options: { password: 'wrong' },
  },
  {
    name: 'several API servers with several secrets',
    finding: 'signed-in',
    words: 'the token is refused: Invalid JWT token',
    mend: 'export AIRFLOW__API_AUTH__JWT_SECRET=…',
    plant: {},
    options: { token: 'of.another.server' },
  },
  {
    name: 'case D10: a user without the right to the DAG',
    finding: 'signed-in',
    words: 'ana may not use updraft_exchange (403)',
    mend: 'give them the role User',
    plant: { airflow: { mayUse: false } },
  },
  {
    name: 'case D9: the app’s user is not Airflow’s',
    finding: 'signed-in',
    words: 'Airflow calls this user ana@field.example, not ana',
    mend: "connect({ worker, user: 'ana@field.example' });",
    plant: { airflow: { user: 'ana@field.example' } },
  },
  {
    name: 'a plugin that is too new',
    finding: 'versions',
    words: 'the plugin speaks protocol 8 to 9',
    mend: 'npm install airflow-updraft@latest',
    plant: { airflow: { protocol: 8, newest: 9 } },
  },
  {
    name: 'a plugin that is older than the package',
    finding: 'versions',
    words: 'the plugin speaks protocol 1 at most',
    mend: 'pip install --upgrade airflow-provider-updraft',
    state: 'warning',
    plant: { airflow: { newest: 1 } },
  },
  {
    name: 'Airflow has an older collections.json',
    finding: 'same-collections inspections',
    words: 'Airflow does not declare inspections',
    mend: 'export AIRFLOW__UPDRAFT__COLLECTIONS=…',
    plant: { airflow: { collections: { sites: { read: 'all', write: 'none' } } } },
  },
  {
    name: 'a proxy strips the cookie',
    finding: 'cookie',
    words: 'Airflow’s session cookie does not reach Airflow',
    mend: 'proxy_set_header Cookie $http_cookie;',
    plant: { onTheWay: without('cookie') },
  },
  {
    name: 'a firewall strips headers that it does not know',
    finding: 'x-updraft',
    words: 'the header X-Updraft does not reach Airflow',
    mend: 'proxy_set_header X-Updraft $http_x_updraft;',
    plant: { onTheWay: without('x-updraft') },
  },
  {
    name: 'a proxy adds X-Updraft to every request',
    finding: 'x-updraft',
    words: 'something on the way adds the header X-Updraft by itself',
    mend: 'remove proxy_set_header X-Updraft',
    plant: { onTheWay: at('/updraft/', ({ headers }) => void (headers['x-updraft'] = '1')) },
  },
  {
    name: 'case A10: a proxy drops Content-Encoding',
    finding: 'compression',
    words: 'a compressed request is refused (400: not UTF-8)',
    mend: 'pass Content-Encoding and body on unchanged',
    state: 'warning',
    plant: { onTheWay: without('content-encoding') },
  },
  {
    name: 'answers of the exchange are gzip and do not say so',
    finding: 'compression',
    words: 'answers arrive garbled: the body is gzip',
    mend: 'gzip off;',
    plant: {
      answers({ path, headers }, response) {
        if (!path.endsWith('/exchange') || headers['authorization'] === undefined) return false;
        response.end(gzipSync('{"protocol":1,"replicaId":null}'));
        return true;
      },
    },
  },
  {
    name: 'a proxy buffers the stream of news',
    finding: 'live',
    words: 'the live stream gives no line: no answer came in time',
    mend: 'proxy_buffering off;',
    // Never answered: the time does not decide whether the fault is found.
    plant: { answers: ({ path }) => path.endsWith('/live') },
    options: { livePatienceMs: 50 },
  },
];

function page(
  response: Parameters<NonNullable<Plant['answers']>>[1],
  status: number,
  text: string,
) {
  response.writeHead(status, { 'content-type': HTML }).end(text);
  return true;
}

/** Every planted fault. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  ...OF_THE_APP,
  ...OF_AIRFLOW,
  ...OF_TWO_ORIGINS,
  ...OF_THE_SESSION,
];
