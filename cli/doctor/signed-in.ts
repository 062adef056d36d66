import { gzipSync } from 'node:zlib';
import { PROTOCOL_FLOOR, PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import { HELLO } from './airflow.ts';
import { failed, ok, skipped, warning, type Verdicts } from './finding.ts';
import type { Reply } from './http.ts';
import { detailOf, type Site } from './site.ts';

const NAME_ONE =
  'name a user: UPDRAFT_PASSWORD=… npx airflow-updraft doctor … --user ana   ' +
  '(or UPDRAFT_TOKEN=…)';
/** The cookie of Airflow's sign-in. */
const COOKIE = '_token';

/** Airflow gives the named user a token, or one was given. */
export async function* checkSignIn(site: Site): Verdicts {
  const { user, password } = site.options;
  if (site.token !== undefined) {
    yield ok('by the token of UPDRAFT_TOKEN');
    return;
  }
  if (user === undefined || password === undefined) {
    yield skipped(NAME_ONE);
    return;
  }
  const reply = await site.askAirflow('/auth/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: user, password }),
  });
  const token: unknown = reply.kind === 'answer' ? Object(reply.json).access_token : undefined;
  if (typeof token === 'string') {
    site.signedIn(token);
    yield ok(`${user} is given a token`);
  } else if (reply.kind === 'answer' && reply.status === 401) {
    const why = 'this person is not let in';
    yield failed(`Airflow refuses ${user}’s password`, why, 'set UPDRAFT_PASSWORD to theirs');
  } else {
    const came = reply.kind === 'answer' ? `${reply.status}` : reply.words;
    yield skipped(`no token for a password (${came}): give one in UPDRAFT_TOKEN`);
  }
}

const withToken = (site: Site): Promise<Reply> =>
  site.askAirflow(HELLO, { headers: { authorization: `Bearer ${site.token}` } });

/** The user is let in, is the one that the app names, and may send. */
export async function* checkSignedIn(site: Site): Verdicts {
  const reply = await withToken(site);
  if (reply.kind === 'none') {
    const what = `the plugin gives no answer: ${reply.words}`;
    yield failed(what, 'nothing is sent', `curl -i '${reply.url}'`);
    return;
  }
  const { kind, words } = detailOf(reply);
  const { user } = site.options;
  const told: unknown = Object(reply.json).user;
  const whose = user ?? 'this user';
  if (words.includes('Invalid JWT') || reply.status === 401) {
    const why = 'every exchange asks the person to sign in again';
    const mend =
      'export AIRFLOW__API_AUTH__JWT_SECRET=…   (the same for every API server), or a newer token';
    yield failed(`the token is refused: ${words || reply.status}`, why, mend);
  } else if (reply.status === 403) {
    const mend = 'give them the role User   (docs/install.md, "Who may what")';
    yield failed(`${whose} may not use updraft_exchange (403)`, 'every request is refused', mend);
  } else if (reply.status !== 200 || typeof told !== 'string') {
    const named = kind === '' ? '' : `, ${kind}`;
    const what = `the plugin answers ${reply.status}${named}: ${words || 'no reason'}`;
    yield failed(what, 'nothing is sent', 'airflow updraft check   (where the API server runs)');
  } else if (user !== undefined && told !== user) {
    const why = `connect({ user: '${user}' }) gets waiting.for other-user, and nothing is sent`;
    const mend = `connect({ worker, user: '${told}' });   (the name that Airflow gives)`;
    yield failed(`Airflow calls this user ${told}, not ${user}`, why, mend);
  } else yield ok(`${told} is let in`);
}

/** Package and plugin speak one version of the protocol. */
export async function* checkVersions(site: Site): Verdicts {
  const reply = await withToken(site);
  const { protocol, newest = protocol } = Object(reply.kind === 'answer' ? reply.json : {}) as {
    protocol?: number;
    newest?: number;
  };
  if (protocol === undefined || newest === undefined) {
    yield skipped('the plugin names none');
    return;
  }
  const here = `${PROTOCOL_FLOOR} to ${PROTOCOL_VERSION}`;
  const why = 'devices wait for an update (waiting.for: update)';
  if (newest < PROTOCOL_FLOOR) {
    const what = `the plugin speaks protocol ${protocol} to ${newest}, this package ${here}`;
    yield failed(what, why, 'pip install --upgrade airflow-provider-updraft   (restart Airflow)');
  } else if (protocol > PROTOCOL_VERSION) {
    const what = `the plugin speaks protocol ${protocol} to ${newest}, this package ${here}`;
    yield failed(what, why, 'npm install airflow-updraft@latest   (build and deploy the app)');
  } else if (newest < PROTOCOL_VERSION) {
    const what = `the plugin speaks protocol ${newest} at most, this package ${PROTOCOL_VERSION}`;
    const mend = 'pip install --upgrade airflow-provider-updraft   (restart Airflow)';
    yield warning(what, 'newer kinds of changes wait on the device', mend);
  } else yield ok(`protocol ${protocol} to ${newest}`);
}

/** Airflow's session cookie arrives. */
export async function* checkCookie(site: Site): Verdicts {
  if (!(await site.isOneOrigin())) {
    yield skipped('two origins: the cookie does not travel, apps sign in with a token');
    return;
  }
  const reply = await withCookie(site, { 'x-updraft': '1' });
  if (reply.kind === 'answer' && reply.status === 401) {
    const why = 'people who signed in at Airflow’s page are asked to sign in for ever';
    const mend = 'proxy_set_header Cookie $http_cookie;   (nginx, at Airflow’s location)';
    yield failed('Airflow’s session cookie does not reach Airflow', why, mend);
  } else if (reply.kind === 'answer' && [200, 403].includes(reply.status))
    yield ok('Airflow’s session cookie arrives');
  else yield skipped(reply.kind === 'answer' ? `answered ${reply.status}` : reply.words);
}

/** The header `X-Updraft` arrives, and is added by nobody on the way. */
export async function* checkHeader(site: Site): Verdicts {
  const [sent, left] = await Promise.all([
    withCookie(site, { 'x-updraft': '1' }),
    withCookie(site, { 'x-updraft': '' }),
  ]);
  if (sent.kind === 'answer' && detailOf(sent).kind === 'csrf') {
    const why = 'with the session cookie every request is refused (csrf)';
    const mend =
      'proxy_set_header X-Updraft $http_x_updraft;   (nginx; or let the firewall pass it)';
    yield failed('the header X-Updraft does not reach Airflow', why, mend);
  } else if (left.kind === 'answer' && left.status === 200) {
    const why = 'another site’s page could send in the name of whoever is signed in';
    const mend = 'remove proxy_set_header X-Updraft   (the worker sends it itself)';
    yield failed('something on the way adds the header X-Updraft by itself', why, mend);
  } else yield ok('the header X-Updraft arrives');
}

const withCookie = (site: Site, headers: Readonly<Record<string, string>>): Promise<Reply> =>
  site.askAirflow(HELLO, { headers: { cookie: `${COOKIE}=${site.token}`, ...headers } });

const PROBE_CHARACTERS = 4_000;

/**
 * A compressed body arrives as it was sent. The body is no request of the protocol: the plugin
 * refuses it in its own words, and changes nothing.
 */
export async function* checkCompression(site: Site): Verdicts {
  const body = JSON.stringify({ doctor: 'updraft '.repeat(PROBE_CHARACTERS / 8) });
  const headers = {
    authorization: `Bearer ${site.token}`,
    'content-type': 'application/json',
  };
  const exchange = '/updraft/v1/exchange';
  const plain = await site.askAirflow(exchange, { method: 'POST', headers, body });
  const packed = await site.askAirflow(exchange, {
    method: 'POST',
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: gzipSync(body),
  });
  if (plain.kind !== 'answer' || plain.status !== 200) {
    yield skipped('a plain request is not answered either');
    return;
  }
  if (plain.garbled !== undefined) {
    const why = 'no device can read an answer, and all of them wait';
    const mend = 'gzip off;   (nginx, at Airflow’s location; Airflow compresses by itself)';
    yield failed(`answers arrive garbled: ${plain.garbled}`, why, mend);
    return;
  }
  if (packed.kind === 'answer' && packed.status === plain.status) {
    yield ok('bodies arrive');
    return;
  }
  const came =
    packed.kind === 'answer' ? `${packed.status}: ${detailOf(packed).words}` : packed.words;
  const why = 'devices send each batch twice, and then uncompressed: slower on a weak network';
  const mend =
    'pass Content-Encoding and body on unchanged: proxy_set_header Content-Encoding ' +
    '$http_content_encoding;   (nginx; and no decompression before Airflow)';
  yield warning(`a compressed request is refused (${came})`, why, mend);
}
