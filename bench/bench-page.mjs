import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';

export const ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
];

/**
 * Opens the bench's page in a browser and a new profile, signed in by cookie; closes the
 * browser and removes the profile afterwards.
 * @template T
 * @param {{ url: string, executablePath: string, user: string }} site
 * @param {(page: import('@playwright/test').Page,
 *   context: import('@playwright/test').BrowserContext) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withPage({ url, executablePath, user }, work) {
  const profile = await mkdtemp(join(tmpdir(), 'updraft-bench-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: false,
    args: ARGS,
  });
  try {
    const answer = await context.request.post(`${url}/airflow/auth/token`, {
      data: { username: user, password: user },
    });
    const { access_token: token } = await answer.json();
    await context.addCookies([
      { name: '_token', value: token, domain: new URL(url).hostname, path: '/airflow/' },
    ]);
    const page = await context.newPage();
    await page.goto(url);
    return await work(page, context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
