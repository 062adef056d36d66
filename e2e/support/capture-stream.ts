import type { Page } from '@playwright/test';
import type { Device } from './device.ts';

/**
 * All captures that the streams of all pages requested. A capture is acknowledged when the promise
 * has resolved; a capture that began without an acknowledgement (the browser was killed, or the
 * worker too often) may have happened, but no more than once.
 */
export class Ledger {
  readonly begun = new Map<string, number>();
  readonly acknowledged = new Map<string, number>();

  /**
   * `weight` 0: a new record. Else an increment of the counter by a power of two, each used once:
   * the sum tells which increments happened, and how often.
   */
  note = (step: 'begin' | 'acknowledge', id: string, weight: number): void => {
    const seen = step === 'begin' ? this.begun : this.acknowledged;
    seen.set(id, (seen.get(id) ?? 0) + weight);
  };

  get created(): string[] {
    return [...this.begun].filter(([, weights]) => weights === 0).map(([id]) => id);
  }
}

/** Beyond this number a sum of powers of two is no longer exact. */
const INCREMENTS_MAX = 45;

/**
 * Starts loops in the page that capture without a break until told to stop, each with separate
 * records and counters; `pauseMs` between two captures of a loop.
 */
export async function streamCaptures(
  page: Page,
  prefix: string,
  loops: number,
  pauseMs = 0,
): Promise<void> {
  await page.evaluate(
    ({ start, count, incrementsMax, pause }) => {
      const stream = { isOn: true, ended: Promise.resolve<unknown>(undefined) };
      const inspections = client().collection('inspections');
      const tried = async (
        id: string,
        weight: number,
        capture: () => Promise<unknown>,
      ): Promise<boolean> => {
        await window.note('begin', id, weight);
        try {
          await capture();
        } catch {
          return false; // the worker was killed at each attempt
        }
        await window.note('acknowledge', id, weight);
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        return true;
      };
      const loop = async (name: string): Promise<void> => {
        for (let n = 0; stream.isOn; n++) {
          const counter = `${name}c${n}`;
          if (
            !(await tried(counter, 0, () =>
              inspections.put({ id: counter, site: 'A7', status: 'ok', visits: 0 }),
            ))
          )
            continue;
          for (let bit = 0; bit < incrementsMax && stream.isOn; bit++) {
            await tried(counter, 2 ** bit, () =>
              inspections.increment(counter, { visits: 2 ** bit }),
            );
            await tried(`${name}r${n}-${bit}`, 0, () =>
              inspections.put({
                id: `${name}r${n}-${bit}`,
                site: 'B2',
                status: 'watch',
                visits: 0,
              }),
            );
          }
        }
      };
      stream.ended = Promise.all(Array.from({ length: count }, (_, at) => loop(`${start}${at}-`)));
      Object.assign(window, { stream });
    },
    { start: prefix, count: loops, incrementsMax: INCREMENTS_MAX, pause: pauseMs },
  );
}

/** Ends the loops of the page; resolves when no capture is under way. */
export async function endStream(page: Page): Promise<void> {
  await page.evaluate(async () => {
    window.stream.isOn = false;
    await window.stream.ended;
  });
}

/** Lets every page of the device record captures in the ledger. */
export async function noteInto(device: Device, ledger: Ledger): Promise<void> {
  await device.context.exposeFunction('note', ledger.note);
}

declare global {
  interface Window {
    readonly note: (step: 'begin' | 'acknowledge', id: string, weight: number) => Promise<void>;
    readonly stream: { isOn: boolean; ended: Promise<unknown> };
  }
}
