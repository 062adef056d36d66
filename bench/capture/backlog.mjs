import { say } from '../../scripts/lib/problem.mjs';
import { withStore } from './profile.mjs';

/**
 * Captures this many documents into the profile's replica `backlog`, where they stay unsent.
 * @param {import('./profile.mjs').Site} site @param {string} dir @param {number} count
 */
export const fillBacklog = (site, dir, count) =>
  withStore(site, dir, { page: 'capture', store: 'updraft' }, async ({ page }) => {
    say(`… capturing a backlog of ${count}`);
    const work = { name: 'backlog', beside: 0, warmUp: 0, count, width: 1_000, isBulk: true };
    await page.evaluate((todo) => window.captureBench.run(todo), work);
  });
