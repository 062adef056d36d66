import { serveDemo } from '../scripts/lib/serve.mjs';
import { main, say } from '../scripts/lib/problem.mjs';
import { ensureChromium } from '../scripts/lib/setup.mjs';
import { fillBacklog } from './capture/backlog.mjs';
import { buildCaptureBench } from './capture/build.mjs';
import { measureCell } from './capture/cells.mjs';
import { figuresOf } from './capture/figures.mjs';
import { planOf } from './capture/plan.mjs';
import { makeProfile } from './capture/profile.mjs';

/**
 * `capture.*`: documents of about 1 KB with 10 fields, captured offline in real Chromium into
 * Updraft, raw IndexedDB (in the page, and behind a service worker) and other libraries.
 *
 * A cell is a store in a browser with a new profile. Each round measures every cell once, and
 * each round begins with another cell, so that a slow moment of the machine does not always meet
 * the same store. A figure is the median of the rounds; a ratio divides two medians.
 */
async function captureBench() {
  const plan = planOf(process.argv.slice(2));
  const executablePath = await ensureChromium();
  const dir = await buildCaptureBench(plan.hasPeers);
  const { url, close } = await serveDemo({
    airflowUrl: 'http://127.0.0.1:9',
    dir,
    port: 0,
    // Nobody's Airflow: capturing works without.
    intercept: (request, response) => {
      const isAirflow = request.url?.startsWith('/airflow') ?? false;
      if (isAirflow) response.writeHead(503).end();
      return isAirflow;
    },
  });
  const site = { url, executablePath };
  const backlog = plan.backlog > 0 ? await makeProfile() : undefined;
  try {
    if (backlog) await fillBacklog(site, backlog.dir, plan.backlog);
    /** @type {import('./capture/cells.mjs').Round[]} */
    const rounds = [];
    for (let n = 0; n < plan.rounds; n++) {
      /** @type {import('./capture/cells.mjs').Round} */
      const round = new Map();
      for (const cell of rotated(plan.cells, n)) {
        say(`… round ${n + 1} of ${plan.rounds}: ${cell.name}`);
        round.set(cell.name, await measureCell(site, cell, backlog?.dir));
      }
      rounds.push(round);
    }
    for (const figure of figuresOf(rounds)) process.stdout.write(`${JSON.stringify(figure)}\n`);
  } finally {
    await backlog?.remove();
    await close();
  }
}

/** @template T @param {readonly T[]} items @param {number} by @returns {T[]} */
const rotated = (items, by) =>
  items.map((_, n) => /** @type {T} */ (items[(n + by) % items.length]));

await main(captureBench);
