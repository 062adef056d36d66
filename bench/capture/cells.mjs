import { makeProfile, withStore } from './profile.mjs';

/** Wait before each work, so as not to pay for remains of the last work. */
const REST_MS = 300;

/**
 * @typedef {import('./plan.mjs').Cell} Cell
 * @typedef {import('./profile.mjs').Site} Site
 * @typedef {object} Result of a work in a round
 * @property {number} rate documents a second
 * @property {number} p50 milliseconds of a call
 * @property {number} p95
 * @typedef {Map<string, Result>} CellResults by the work's name
 * @typedef {Map<string, CellResults>} Round by the cell's name
 */

/**
 * Measures a cell in a new profile, or in the profile with the backlog.
 * @param {Site} site
 * @param {Cell} cell
 * @param {string} [backlogDir]
 * @returns {Promise<CellResults>}
 */
export async function measureCell(site, cell, backlogDir) {
  if (cell.hasBacklog && backlogDir !== undefined) return measureIn(site, cell, backlogDir);
  const profile = await makeProfile();
  try {
    return await measureIn(site, cell, profile.dir);
  } finally {
    await profile.remove();
  }
}

/** @param {Site} site @param {Cell} cell @param {string} dir @returns {Promise<CellResults>} */
const measureIn = (site, cell, dir) =>
  withStore(site, dir, cell, async ({ page, stopWorker }) => {
    /** @type {CellResults} */
    const results = new Map();
    for (const work of cell.works) {
      await page.waitForTimeout(REST_MS);
      const measured = await page.evaluate((todo) => window.captureBench.run(todo), work);
      if (!measured) continue;
      results.set(work.name, resultOf(work.count, measured.total, measured.calls));
    }
    if (cell.coldStarts === 0) return results;
    const work = { name: 'coldstart', beside: 0, warmUp: 0, count: 10, width: 1, isBulk: false };
    await page.evaluate((todo) => window.captureBench.run(todo), work);
    const starts = [];
    for (let n = 0; n < cell.coldStarts; n++) {
      await page.waitForTimeout(REST_MS);
      await stopWorker();
      starts.push(await page.evaluate((id) => window.captureBench.once(id), `cold-${n}`));
    }
    const total = starts.reduce((sum, ms) => sum + ms, 0);
    return results.set(work.name, resultOf(starts.length, total, starts));
  });

/**
 * @param {number} count @param {number} total @param {readonly number[]} calls
 * @returns {Result}
 */
function resultOf(count, total, calls) {
  const sorted = calls.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { rate: (count / total) * 1000, p50: at(0.5), p95: at(0.95) };
}
