import type { Page } from '@playwright/test';
import { endStream, noteInto, streamCaptures, type Ledger } from './capture-stream.ts';
import type { Device } from './device.ts';

const TABS = 3;
/**
 * Loops that run in parallel in each tab: a capture whose worker was killed is repeated only after
 * 5 s.
 */
const LOOPS = 6;

interface Loop {
  readonly ledger: Ledger;
  readonly prefix: string;
  readonly random: () => number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Opens tabs that capture all the time. */
async function openStreams(device: Device, prefix: string): Promise<Page[]> {
  const pages: Page[] = [];
  for (let tab = 0; tab < TABS; tab++) {
    const page = await device.open();
    await device.connected();
    await streamCaptures(page, `${prefix}${tab}-`, LOOPS);
    pages.push(page);
  }
  return pages;
}

/**
 * Stops the worker again and again, each time at a random moment, while the tabs capture; ends when
 * every capture was answered.
 */
export async function killWorkers(
  device: Device,
  kills: number,
  { ledger, prefix, random }: Loop,
): Promise<void> {
  await noteInto(device, ledger);
  const pages = await openStreams(device, prefix);
  for (let kill = 0; kill < kills; kill++) {
    const strike = await device.aimAtWorker();
    await pause(random() * 250);
    await strike();
  }
  await Promise.all(pages.map(endStream));
}

/**
 * Kills the whole browser again and again during captures, and starts it with the old profile.
 * Returns the device of the last start.
 */
export async function killBrowsers(
  device: Device,
  kills: number,
  restart: (profile: string) => Promise<Device>,
  { ledger, prefix, random }: Loop,
): Promise<Device> {
  let current = device;
  for (let kill = 0; kill < kills; kill++) {
    await noteInto(current, ledger);
    await openStreams(current, `${prefix}${kill}-`);
    await pause(random() * 800);
    await current.crash();
    current = await restart(current.profile);
    await current.openAgain('ana');
  }
  return current;
}

/**
 * Crashes a capturing tab again and again, together with every part of the app in the tab's
 * process.
 */
export async function crashTabs(
  device: Device,
  crashes: number,
  { ledger, prefix, random }: Loop,
): Promise<void> {
  await noteInto(device, ledger);
  for (let crash = 0; crash < crashes; crash++) {
    const page = await device.open();
    await device.connected();
    await streamCaptures(page, `${prefix}${crash}-`, LOOPS);
    await pause(random() * 800);
    const crashed = page.waitForEvent('crash');
    const cdp = await device.context.newCDPSession(page);
    // The crashed page does not answer.
    void cdp.send('Page.crash').catch(() => undefined);
    await crashed;
    await page.close();
  }
}
