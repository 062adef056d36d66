import { randomHex } from '../../shared/ids.ts';
import type { Durability } from '../../shared/status.ts';
import type { Clock, Random } from '../world.ts';

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export const clock: Clock = {
  now: () => Date.now(),
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

export const random: Random = {
  hex: randomHex,
  fraction: () => Math.random(),
};

/** Reads whether the browser keeps the storage. Only a page can ask the browser to keep it. */
export async function browserDurability(): Promise<Durability> {
  return (await navigator.storage?.persisted?.()) ? 'persistent' : 'best-effort';
}
