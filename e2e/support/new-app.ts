import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { AirflowApi } from './airflow.ts';
import { Device } from './device.ts';
import { expect } from './test.ts';

/** Changes the built app's page, and the revisions of all files, as the next build does. */
export async function deployNewVersion(dir: string, title: string): Promise<void> {
  const change = async (name: string, pattern: RegExp, to: string): Promise<void> => {
    const file = join(dir, name);
    const before = await readFile(file, 'utf8');
    const after = before.replaceAll(pattern, to);
    if (after === before) throw new Error(`${name} has nothing like ${String(pattern)}.`);
    await writeFile(file, after);
  };
  await change('index.html', /<title>.*<\/title>/g, `<title>${title}</title>`);
  await change('sw.js', /"revision":"[0-9a-f]/g, '"revision":"x');
}

/** The person who uses the page of a new app, as `npx airflow-updraft init` makes it. */
export class NewAppUser {
  readonly device: Device;
  readonly page: Page;
  private constructor(device: Device, page: Page) {
    this.device = device;
    this.page = page;
  }

  /** Opens the app in a new profile, gives a name, and waits until the app is connected. */
  static async begin(url: string, airflow: AirflowApi, user: string): Promise<NewAppUser> {
    const device = await Device.start({ url });
    const page = await device.open();
    await page.getByLabel('Your user name in Airflow').fill(user);
    await page.getByRole('button', { name: 'Begin' }).click();
    await expect(page.getByRole('button', { name: 'Save' })).toBeEnabled();
    await device.context.addCookies([await airflow.cookie(user)]);
    return new NewAppUser(device, page);
  }

  /** Cuts or restores the network of page and worker. */
  setOffline(offline: boolean): Promise<void> {
    return this.device.context.setOffline(offline);
  }

  signIn(): Promise<void> {
    return this.page.getByRole('button', { name: 'I have signed in' }).click();
  }

  async capture(site: string): Promise<void> {
    await this.page.getByLabel('Site', { exact: true }).fill(site);
    await this.page.getByRole('button', { name: 'Save' }).click();
  }

  async setStatus(site: string, status: string): Promise<void> {
    await this.page.getByLabel(`Status of ${site}`).selectOption(status);
  }

  async sees(site: string, state: string, status: string): Promise<void> {
    // The list is bounded, and other tests have filled the store.
    await this.page.getByLabel('Find by site').fill(site);
    const item = this.page.getByRole('listitem').filter({ hasText: site });
    await expect(item.locator('small')).toHaveText(state);
    await expect(this.page.getByLabel(`Status of ${site}`)).toHaveValue(status);
  }

  /** Decides the conflict that the dialog shows. */
  async decide(side: 'Mine' | 'In Airflow'): Promise<void> {
    const dialog = this.page.getByRole('dialog');
    await dialog.getByRole('radio', { name: side }).check();
    await dialog.getByRole('button', { name: 'Decide' }).click();
    await expect(dialog).toBeHidden();
  }
}
