import type { Page } from '@playwright/test';
import { noteInto, type Ledger } from './capture-stream.ts';
import type { Device } from './device.ts';

const TABS = 5;
const SHARED_RECORDS = 3;
/** A sum of so many powers of two is still exact in a double. */
const BITS_MAX = 50;

/** Possible next steps; a step named more often is drawn more often. */
const STEPS = [
  'new',
  'new',
  'new',
  'count',
  'count',
  'count',
  'count',
  'write',
  'write',
  'network',
  'replace',
] as const;
type Step = (typeof STEPS)[number];

interface Chance {
  readonly ledger: Ledger;
  readonly prefix: string;
  /** Seeded: repeats the steps of all tabs, at any speed. */
  readonly random: () => number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Five tabs of a device that capture at random, in shared records and in separate records, while
 * tabs close and open and the network comes and goes.
 */
export class Tabs {
  readonly #device: Device;
  readonly #chance: Chance;
  readonly #open: Page[] = [];
  readonly #shared: readonly string[];
  /** The next power of two of each record's counter. */
  readonly #bits = new Map<string, number>();
  /** Captures that are still open: several tabs capture in parallel. */
  #underWay: Promise<void>[] = [];
  #isOffline = false;
  /** Every note ever requested, of any shared record. */
  readonly notes = new Set<string>();

  private constructor(device: Device, chance: Chance) {
    this.#device = device;
    this.#chance = chance;
    this.#shared = Array.from({ length: SHARED_RECORDS }, (_, at) => `${chance.prefix}shared${at}`);
  }

  /** Signs the device in, in a tab that becomes the first. */
  static async open(device: Device, chance: Chance): Promise<Tabs> {
    await noteInto(device, chance.ledger);
    const tabs = new Tabs(device, chance);
    tabs.#open.push(device.page);
    while (tabs.#open.length < TABS) await tabs.#openOne();
    for (const id of tabs.#shared) {
      await tabs.#put(id);
      await tabs.#count(id);
    }
    return tabs;
  }

  get pages(): readonly Page[] {
    return this.#open;
  }

  /**
   * Takes so many steps in random order; ends online, with five tabs, when every capture was
   * answered.
   */
  async play(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#take(STEPS[this.#draw(STEPS.length)] ?? 'new', step);
      await pause(this.#chance.random() * 60);
    }
    if (this.#isOffline) await this.#toggleNetwork();
    await Promise.all(this.#underWay);
  }

  async #take(step: Step, number: number): Promise<void> {
    switch (step) {
      case 'new':
        return void this.#underWay.push(this.#put(`${this.#chance.prefix}new${number}`));
      case 'count':
        return void this.#underWay.push(
          this.#count(this.#shared[this.#draw(SHARED_RECORDS)] ?? ''),
        );
      case 'write':
        return void this.#underWay.push(
          this.#write(this.#shared[this.#draw(SHARED_RECORDS)] ?? '', `note ${number}`),
        );
      case 'network':
        return this.#toggleNetwork();
      case 'replace':
        // Opened first: the device's own page is always the newest.
        await this.#openOne();
        await this.#open.splice(this.#draw(TABS), 1)[0]?.close();
    }
  }

  #draw(below: number): number {
    return Math.floor(this.#chance.random() * below);
  }

  async #openOne(): Promise<void> {
    this.#open.push(await this.#device.open());
    await this.#device.connected();
  }

  async #toggleNetwork(): Promise<void> {
    this.#isOffline = !this.#isOffline;
    await this.#device.setOffline(this.#isOffline);
  }

  #put(id: string): Promise<void> {
    return this.#capture(id, 0, 'put');
  }

  #count(id: string): Promise<void> {
    const bit = this.#bits.get(id) ?? 0;
    if (bit >= BITS_MAX) return Promise.resolve();
    this.#bits.set(id, bit + 1);
    return this.#capture(id, 2 ** bit, 'increment');
  }

  #write(id: string, note: string): Promise<void> {
    this.notes.add(note);
    return this.#capture(id, 0, 'patch', note);
  }

  /**
   * Captures in a random tab. If that tab is closed meanwhile the capture may or may not have
   * happened; in every other case it must succeed.
   */
  async #capture(
    id: string,
    weight: number,
    how: 'put' | 'increment' | 'patch',
    note = '',
  ): Promise<void> {
    const page = this.#open[this.#draw(TABS)];
    if (!page) throw new Error('There is no tab to capture in.');
    try {
      await page.evaluate(
        async (asked) => {
          const inspections = client().collection('inspections');
          await window.note('begin', asked.id, asked.weight);
          if (asked.how === 'put')
            await inspections.put({ id: asked.id, site: 'A7', status: 'ok', visits: 0 });
          else if (asked.how === 'increment')
            await inspections.increment(asked.id, { visits: asked.weight });
          else await inspections.patch(asked.id, { note: asked.note });
          await window.note('acknowledge', asked.id, asked.weight);
        },
        { id, weight, how, note },
      );
    } catch (error) {
      if (!page.isClosed()) throw error;
    }
  }
}
