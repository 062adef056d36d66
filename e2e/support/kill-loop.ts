import type { Page } from '@playwright/test';
import { endStream, noteInto, streamCaptures, type Ledger } from './capture-stream.ts';
import type { Device } from './device.ts';

const TABS = 3;
/** At the same time in each tab: a capture whose worker was killed waits 5 s before it is asked again. */
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

/** Stops the worker again and again, each time at a random moment of its life, while the tabs capture; ends when every capture was answered. */
export async function killWorkers(device: Device, kills: number, { ledger, prefix, random }: Loop): Promise<void> {
  await noteInto(device, ledger);
  const pages = await openStreams(device, prefix);
  for (let kill = 0; kill < kills; kill++) {
    const strike = await device.aimAtWorker();
    await pause(random() * 250);
    await strike();
  }
  await Promise.all(pages.map(endStream));
}

/** Kills the whole browser again and again in the middle of it, and starts it with the same profile. Returns the device of the last start. */
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

/** Crashes a tab that captures, with whatever of the app runs in its process, again and again. */
export async function crashTabs(device: Device, crashes: number, { ledger, prefix, random }: Loop): Promise<void> {
  await noteInto(device, ledger);
  for (let crash = 0; crash < crashes; crash++) {
    const page = await device.open();
    await device.connected();
    await streamCaptures(page, `${prefix}${crash}-`, LOOPS);
    await pause(random() * 800);
    const crashed = page.waitForEvent('crash');
    const cdp = await device.context.newCDPSession(page);
    // The page that is gone answers nothing.
    void cdp.send('Page.crash').catch(() => undefined);
    await crashed;
    await page.close();
  }
}
