import { join } from 'node:path';
import { startAirflow, stopAirflow } from '../scripts/lib/airflow-server.mjs';
import { root, stateRoot } from '../scripts/lib/paths.mjs';
import { main, Problem, say } from '../scripts/lib/problem.mjs';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { ensureChromium } from '../scripts/lib/setup.mjs';
import { withPage } from './bench-page.mjs';
import { buildBench } from './build.mjs';
import { WireBytes } from './wire-bytes.mjs';

const RECORDS = 10_000;
/**
 * A new user each round. A person's records are their own: records of earlier rounds slow no device
 * down.
 */
const USERS = ['ana', 'ben', 'admin'];
/** Raw Workbox takes minutes, and is needed only for the ratio. */
const isWithoutWorkbox = process.argv.includes('--without-workbox');

/**
 * `replay.10k.*`: 10,000 records captured offline in real Chromium, then sent to a real Airflow
 * with a PostgreSQL store, in the same run beside:
 *
 * - raw Workbox: `Queue.pushRequest` for each record offline, `Queue.replayRequests` in the
 *   browser's own sync event, following Workbox's documentation. Each request goes to a route of
 *   the same API server that stores an array of records in a single INSERT
 *   (`plugins/bench_records.py`): no ledger, no revisions, no schema, the least that a server can
 *   do. Run once, since a run takes minutes.
 * - raw POST: these records as a JSON array in a single request to that route, to the end of the
 *   answer.
 * - raw bulk put: the replica's final rows of these records, put without Dexie in a single strict
 *   transaction into an empty store with the replica's key and indexes. (Into a store without any
 *   index: `replay.10k.raw_put_plain.s`.)
 *
 * The times of Updraft and Workbox run from the network's return to the moment the page is told
 * that all is settled, or the queue is empty. Medians of 3 rounds, each in a new browser profile
 * and for another user, whose records are nobody else's. Bytes are all bytes between browser and
 * server in that time, both ways, headers included.
 */
async function replay() {
  const executablePath = await ensureChromium();
  const state = join(stateRoot, 'bench-replay');
  const environment = {
    AIRFLOW__UPDRAFT__COLLECTIONS: join(root, 'bench', 'collections.json'),
    AIRFLOW__CORE__PLUGINS_FOLDER: join(root, 'bench', 'plugins'),
    AIRFLOW__UPDRAFT__SYNC_SCHEDULE: '@daily',
  };
  const [{ airflowUrl }, dir] = await Promise.all([
    startAirflow({ state, environment, fresh: true }),
    buildBench(),
  ]);
  const bytes = new WireBytes();
  const { url, close } = await serveDemo({ airflowUrl, dir, port: 0, intercept: bytes.intercept });
  try {
    /** @type {Awaited<ReturnType<typeof ours>>[]} */
    const rounds = [];
    for (const user of USERS)
      rounds.push(await ours({ url, executablePath, user }, bytes, `ours-${user}-`));
    const workbox_s = isWithoutWorkbox
      ? undefined
      : await rawWorkbox({ url, executablePath, user: 'ana' }, 'workbox-');
    print(rounds, workbox_s);
  } finally {
    await close();
    await stopAirflow({ state });
  }
}

/** @param {Awaited<ReturnType<typeof ours>>[]} rounds @param {number | undefined} workbox_s */
function print(rounds, workbox_s) {
  const median = (/** @type {keyof (typeof rounds)[number]} */ key) =>
    rounds.map((round) => round[key]).sort((a, b) => a - b)[rounds.length >> 1] ?? Number.NaN;
  const ours_s = median('ours_s');
  const [post_s, put_s] = [median('post_s'), median('put_s')];
  figure('replay.10k.s', ours_s, 's');
  if (workbox_s !== undefined)
    figure('replay.10k.vs_raw_workbox.ratio', workbox_s / ours_s, 'ratio');
  figure('replay.10k.vs_limit.ratio', ours_s / (post_s + 2.5 * put_s), 'ratio');
  figure(
    'replay.10k.bytes_vs_raw_post.ratio',
    median('ours_bytes') / median('post_bytes'),
    'ratio',
  );
  if (workbox_s !== undefined) figure('replay.10k.raw_workbox.s', workbox_s, 's');
  figure('replay.10k.raw_post.s', post_s, 's');
  figure('replay.10k.raw_put.s', put_s, 's');
  figure('replay.10k.raw_put_plain.s', median('plain_put_s'), 's');
}

/** @param {string} name @param {number} value @param {string} unit */
const figure = (name, value, unit) =>
  process.stdout.write(
    `${JSON.stringify({ figure: name, value: Number(value.toFixed(3)), unit })}\n`,
  );

/** @param {Parameters<typeof withPage>[0]} site @param {WireBytes} bytes @param {string} prefix */
const ours = (site, bytes, prefix) =>
  withPage(site, async (page, context) => {
    await page.evaluate((user) => window.bench.connect(user), site.user);
    await context.setOffline(true);
    say(`… ${prefix}: capturing offline`);
    await page.evaluate(
      ([start, count]) => window.bench.capture(start, count),
      /** @type {const} */ ([prefix, RECORDS]),
    );
    const { unsent } = await page.evaluate(() => window.bench.status());
    if (unsent !== RECORDS)
      throw new Problem(`${unsent} of ${RECORDS} records are unsent before the replay.`);
    const settled = page.evaluate(() => window.bench.settled());
    const before = bytes.total;
    const begun = Date.now();
    await context.setOffline(false);
    const ours_s = ((await settled) - begun) / 1000;
    const ours_bytes = bytes.total - before;
    const put = await page.evaluate(
      ([user, count]) => window.bench.put(user, count),
      /** @type {const} */ ([site.user, RECORDS]),
    );
    const beforePost = bytes.total;
    const post_s =
      (await page.evaluate(
        ([start, count]) => window.bench.post(start, count),
        /** @type {const} */ ([`post-${prefix}`, RECORDS]),
      )) / 1000;
    const post_bytes = bytes.total - beforePost;
    say(
      `  ours ${ours_s} s, ${ours_bytes} bytes; raw POST ${post_s} s, ${post_bytes} ` +
        `bytes; raw put ${put.likeOurs} ms, without indexes ${put.plain} ms`,
    );
    return {
      ours_s,
      ours_bytes,
      post_s,
      post_bytes,
      put_s: put.likeOurs / 1000,
      plain_put_s: put.plain / 1000,
    };
  });

/**
 * @param {Parameters<typeof withPage>[0]} site
 * @param {string} prefix
 * @returns {Promise<number>} seconds
 */
const rawWorkbox = (site, prefix) =>
  withPage(site, async (page, context) => {
    await page.evaluate(() => window.bench.prepare());
    await context.setOffline(true);
    say(`… ${prefix}: pushing offline`);
    await page.evaluate(
      ([start, count]) => window.bench.push(start, count),
      /** @type {const} */ ([prefix, RECORDS]),
    );
    const replayed = page.evaluate(() => window.bench.replayed());
    const begun = Date.now();
    await context.setOffline(false);
    const seconds = ((await replayed) - begun) / 1000;
    say(`  raw Workbox ${seconds} s`);
    return seconds;
  });

await main(replay);
