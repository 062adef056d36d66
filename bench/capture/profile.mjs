import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { ARGS } from '../bench-page.mjs';

/**
 * @typedef {{ url: string, executablePath: string }} Site
 * @typedef {object} Opened
 * @property {import('@playwright/test').Page} page
 * @property {() => Promise<void>} stopWorker resolves when no worker of the browser runs any more
 */

/** A new browser profile on disk. */
export async function makeProfile() {
  const dir = await mkdtemp(join(tmpdir(), 'updraft-bench-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }) };
}

/**
 * Opens a store's page in a browser with this profile and takes the network away once the store is
 * prepared. The browser is closed afterwards; the profile stays.
 * @template T @param {Site} site @param {string} dir @param {{ page: string, store: string }} cell
 * @param {(opened: Opened) => Promise<T>} work @returns {Promise<T>}
 */
export async function withStore({ url, executablePath }, dir, cell, work) {
  const context = await chromium.launchPersistentContext(dir, {
    executablePath,
    headless: false,
    args: ARGS,
  });
  try {
    const page = await context.newPage();
    await page.goto(`${url}/${cell.page}/`);
    await page.evaluate((store) => window.captureBench.prepare(store), cell.store);
    await context.setOffline(true);
    return await work({ page, stopWorker: await workerStopper(context, page) });
  } finally {
    await context.close();
  }
}

/**
 * @param {import('@playwright/test').BrowserContext} context
 * @param {import('@playwright/test').Page} page
 * @returns {Promise<() => Promise<void>>}
 */
async function workerStopper(context, page) {
  const cdp = await context.newCDPSession(page);
  return async () => {
    /** @type {(value?: unknown) => void} */
    let tellStopped = () => {};
    const stopped = new Promise((resolve) => (tellStopped = resolve));
    /** @param {{ versions: { runningStatus: string }[] }} event */
    const note = ({ versions }) => {
      if (versions.some(({ runningStatus }) => runningStatus === 'stopped')) tellStopped();
    };
    cdp.on('ServiceWorker.workerVersionUpdated', note);
    await cdp.send('ServiceWorker.enable');
    await cdp.send('ServiceWorker.stopAllWorkers');
    await stopped;
    cdp.off('ServiceWorker.workerVersionUpdated', note);
    // Disabled while the worker starts again, so that its start is not reported on the way.
    await cdp.send('ServiceWorker.disable');
  };
}
