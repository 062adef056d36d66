import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UpdraftError } from '../shared/errors.ts';
import type { Broadcast, Command, LoggedEvent, Question, Snapshot } from '../shared/messages.ts';
import type { Status } from '../shared/status.ts';
import { PageEvents } from './events.ts';
import { createHandlers, type Handlers } from './handlers.ts';
import { createSettling, type Settling } from './settling.ts';
import type { WorkerLink } from './worker-link.ts';
import { IDLE } from '../shared/test-status.ts';

const HEARTBEAT_MS = 20_000;
/** The channel's name, as given by the worker. */
const CHANNEL = 'updraft@/ 7c1b';

/** The worker's event log, from which the fake worker answers. */
let log: { name: string; events: LoggedEvent[]; oldest: number };
let status: Status;
let asked: Command[];
let isSilent: boolean;
let channels: FakeChannel[];
let page: EventTarget & { visibilityState: string };
let browser: EventTarget;
let handlers: Handlers;
let settling: Settling;
let told: string[];
let tokensMissing: number;
let pages: PageEvents[];
let locks: FakeLocks;

class FakeChannel extends EventTarget {
  isOpen = true;
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
    channels.push(this);
  }
  close(): void {
    this.isOpen = false;
  }
}
/**
 * Web Locks of an origin: a single holder per name, the others in line; a request that steals goes
 * ahead of all.
 */
class FakeLocks {
  #holder: { readonly lose: (why: Error) => void } | undefined;
  #line: (() => void)[] = [];
  stolen = 0;
  readonly names: string[] = [];
  request = (
    name: string,
    { steal }: { steal: boolean },
    body: () => Promise<void>,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      this.names.push(name);
      const take = (): void => {
        const mine = (this.#holder = { lose: reject });
        const end = (): void => {
          if (this.#holder !== mine) return;
          this.#holder = undefined;
          this.#line.shift()?.();
        };
        void body().then(() => (end(), resolve()));
      };
      if (steal) {
        this.stolen++;
        this.#holder?.lose(new Error('stolen'));
        take();
      } else if (this.#holder) this.#line.push(take);
      else take();
    });
}
function broadcast(message: Broadcast): void {
  for (const channel of channels.filter(({ isOpen }) => isOpen))
    channel.dispatchEvent(Object.assign(new Event('message'), { data: message }));
}
/**
 * The worker logs an event; the page hears the broadcast, or (`isHeard` false) misses the
 * broadcast.
 */
function happens(id: string, isHeard = true, user = 'ana'): void {
  const event: LoggedEvent = {
    type: 'change',
    collection: 'asks',
    ids: [id],
    cursor: (log.events.at(-1)?.cursor ?? 0) + 1,
  };
  log.events.push(event);
  if (isHeard) broadcast({ updraft: 1, user, log: log.name, events: [event] });
}
function snapshot(command: Command): Snapshot {
  const head = {
    status,
    log: log.name,
    cursor: log.events.at(-1)?.cursor ?? 0,
    airflow: '/airflow',
  };
  if (command.type !== 'wake') return { ...head, events: [], complete: true };
  if (command.log !== log.name) return { ...head, events: log.events, complete: false };
  const events = log.events.filter(({ cursor }) => cursor > command.cursor && cursor >= log.oldest);
  return { ...head, events, complete: log.oldest <= command.cursor + 1 };
}
const link = {
  ask: async (command: Question) => {
    if (command.type === 'channel') return CHANNEL;
    asked.push(command);
    if (isSilent) throw new Error('timeout');
    return snapshot(command);
  },
} as unknown as WorkerLink;
const wakes = (): string[] =>
  asked.flatMap((command) => (command.type === 'wake' ? [command.reason] : []));
/** Lets every answer on the way arrive. */
const arrive = async (): Promise<void> => {
  for (let tick = 0; tick < 10; tick++) await Promise.resolve();
};
async function open(since?: string | null): Promise<PageEvents> {
  const events = new PageEvents(link, settling, handlers, {
    user: 'ana',
    app: 'https://field.example/',
    onTokenMissing: () => tokensMissing++,
    headers: async () => ({}),
    ...(since === undefined ? {} : { since }),
  });
  pages.push(events);
  await events.start();
  await arrive();
  return events;
}

/**
 * Opens a page; an event happens after the worker's reply to `hello` was made, and before the page
 * has that reply.
 */
async function openWhile(happening: () => void, since?: string): Promise<void> {
  const { ask } = link;
  const held = vi.spyOn(link, 'ask').mockImplementation(async (command) => {
    const answer = await ask(command);
    if (command.type === 'hello') happening();
    return answer;
  });
  await open(since);
  held.mockRestore();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  [channels, asked, told, pages] = [[], [], [], []];
  log = { name: 'log1', events: [], oldest: 1 };
  [status, isSilent, tokensMissing] = [IDLE, false, 0];
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  browser = new EventTarget();
  handlers = createHandlers();
  settling = createSettling();
  handlers.on('change', ({ collection, ids }) =>
    told.push(collection === '*' ? 'read again' : ids.join()),
  );
  vi.stubGlobal('BroadcastChannel', FakeChannel);
  vi.stubGlobal('document', page);
  locks = new FakeLocks();
  vi.stubGlobal('navigator', { locks });
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser));
  vi.stubGlobal('reportError', () => told.push('reported'));
});
afterEach(() => {
  for (const each of pages) each.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a page hears the single channel of a worker of messages version 3', async () => {
  const { ask } = link;
  vi.spyOn(link, 'ask').mockImplementation(async (command) => {
    if (command.type === 'channel')
      throw new UpdraftError('bad-message', 'The request is not valid at "type".');
    return ask(command);
  });
  await open();
  expect(channels.map(({ name }) => name)).toEqual(['updraft']);
  happens('heard');
  expect(told).toEqual(['heard']);
  vi.restoreAllMocks();
});

test('case B12: a page hears its own app’s channel, and shares no lock', async () => {
  await open();
  expect(channels.map(({ name }) => name)).toEqual([CHANNEL]);
  expect(locks.names).toEqual(['updraft:beat:https://field.example/ ana']);
});

describe('no event is lost or told twice', () => {
  test.each([undefined, null])('from %s it starts from now, in order', async (since) => {
    happens('before', false);
    const events = await open(since);
    happens('a');
    happens('b');
    expect(told).toEqual(['a', 'b']);
    expect(events.cursor()).toBe('log1:3');
  });
  test('a gap asks the worker, and each event is told once', async () => {
    await open();
    happens('a');
    happens('missed', false);
    happens('after the gap');
    expect(told).toEqual(['a']);
    await arrive();
    expect(told).toEqual(['a', 'missed', 'after the gap']);
    expect(wakes()).toEqual(['heartbeat']);
  });
  test('a gap seen several times before the answer comes is still told once', async () => {
    await open();
    happens('missed', false);
    for (const id of ['b', 'c', 'd']) happens(id);
    await arrive();
    expect(told).toEqual(['missed', 'b', 'c', 'd']);
  });
  test('a page with a cursor is told the later events', async () => {
    for (const id of ['a', 'b', 'c']) happens(id, false);
    await open('log1:1');
    expect(told).toEqual(['b', 'c']);
  });
  test('an event while the page connects is not lost', async () => {
    await openWhile(() => happens('meanwhile'));
    expect(told).toEqual(['meanwhile']);
  });
  test('an event told before the worker’s answer is not told again', async () => {
    happens('old', false);
    await openWhile(
      () =>
        broadcast({
          updraft: 1,
          user: 'ana',
          log: log.name,
          events: [log.events[0] as LoggedEvent],
        }),
      'log1:0',
    );
    await arrive();
    expect(told).toEqual(['old']);
  });
  test('events that are no longer kept: the page reads everything again', async () => {
    for (const id of ['a', 'b', 'c', 'd']) happens(id, false);
    log.oldest = 3;
    await open('log1:1');
    expect(told).toEqual(['read again', 'c', 'd']);
  });
  test('another user’s events are not this page’s', async () => {
    await open();
    happens('theirs', true, 'bob');
    await arrive();
    expect(told).toEqual([]);
  });
  test('a worker that does not answer now is asked again', async () => {
    await open();
    isSilent = true;
    happens('missed', false);
    happens('a');
    await arrive();
    expect(told).toEqual([]);
    isSilent = false;
    happens('b');
    await arrive();
    expect(told).toEqual(['missed', 'a', 'b']);
  });
});

describe('a wiped database (sign-out, cleared site data) has a new log', () => {
  test('events of the new log are told, although their numbers are old', async () => {
    const events = await open();
    for (const id of ['a', 'b', 'c']) happens(id);
    log = { name: 'log2', events: [], oldest: 1 };
    happens('first of the new');
    await arrive();
    happens('second of the new');
    expect(told).toEqual(['a', 'b', 'c', 'read again', 'first of the new', 'second of the new']);
    expect(events.cursor()).toBe('log2:2');
  });
  test('the first capture in the new log settles', async () => {
    await open();
    log = { name: 'log2', events: [], oldest: 1 };
    happens('new');
    // The reply to a capture begins this log, see collection.ts.
    settling.begin('log2');
    const waiting = settling.of('asks', 'new', 1);
    await arrive();
    const settled = { collection: 'asks', id: 'new', lastSeq: 1, verdict: 'applied' } as const;
    broadcast({
      updraft: 1,
      user: 'ana',
      log: 'log2',
      events: [{ type: 'settled', settled, cursor: 2 }],
    });
    expect(await Promise.race([waiting, Promise.resolve('open')])).toEqual(settled);
  });
  test('a verdict that came before the page noticed settles its capture', async () => {
    await open();
    log = { name: 'log2', events: [], oldest: 1 };
    settling.begin('log2');
    const waiting = settling.of('asks', 'new', 1);
    const settled = { collection: 'asks', id: 'new', lastSeq: 1, verdict: 'applied' } as const;
    log.events.push({ type: 'settled', settled, cursor: 1 });
    happens('after');
    await arrive();
    expect(await Promise.race([waiting, Promise.resolve('open')])).toEqual(settled);
  });
  test('a kept cursor of the old log reads again, and then hears everything', async () => {
    happens('a', false);
    await open('log0:50');
    happens('b');
    expect(told).toEqual(['read again', 'a', 'b']);
  });
  test('a kept cursor that makes no sense reads again', async () => {
    happens('a', false);
    await open('nonsense');
    happens('b');
    expect(told).toEqual(['read again', 'a', 'b']);
  });
});

async function beat(count = 1): Promise<void> {
  vi.advanceTimersByTime(HEARTBEAT_MS * count);
  await arrive();
}

describe('the worker is woken', () => {
  test('when the browser is online again, and when the page is visible again', async () => {
    await open();
    browser.dispatchEvent(new Event('online'));
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    expect(wakes()).toEqual(['online', 'visible']);
  });
  test.each<[string, Partial<Status>]>([
    ['work is left', { unsent: 1 }],
    ['the first pull is not complete', { ready: false }],
  ])('by each heartbeat while %s', async (_name, part) => {
    status = { ...IDLE, ...part };
    await open();
    await beat(2);
    expect(wakes()).toEqual(['heartbeat', 'heartbeat']);
  });
  test('by each heartbeat while this page waits for a verdict', async () => {
    await open();
    void settling.of('asks', 'x', 1);
    await beat();
    expect(wakes()).toEqual(['heartbeat']);
  });
  test('every five minutes while there is nothing to do', async () => {
    await open();
    await beat(14);
    expect(wakes()).toEqual([]);
    await beat();
    expect(wakes()).toEqual(['heartbeat']);
  });
  test('no longer once the page has closed its connection', async () => {
    status = { ...IDLE, unsent: 1 };
    const events = await open();
    events.close();
    browser.dispatchEvent(new Event('online'));
    page.dispatchEvent(new Event('visibilitychange'));
    await beat();
    happens('a');
    expect(wakes()).toEqual([]);
    expect(told).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a verdict reaches both the promise of its capture and the app’s handlers', async () => {
  await open();
  const waiting = settling.of('asks', 'x', 1);
  const settled = { collection: 'asks', id: 'x', lastSeq: 1, verdict: 'applied' } as const;
  const heard: unknown[] = [];
  handlers.on('settled', (each) => heard.push(each));
  broadcast({
    updraft: 1,
    user: 'ana',
    log: log.name,
    events: [{ type: 'settled', settled, cursor: 1 }],
  });
  expect(await waiting).toEqual(settled);
  expect(heard).toEqual([settled]);
});

test('case D4: a worker asks the page for a lost token, and once for a refused token', async () => {
  await open();
  broadcast({
    updraft: 1,
    user: 'ana',
    log: log.name,
    events: [{ type: 'auth-required', reason: 'missing', cursor: 1 }],
  });
  broadcast({
    updraft: 1,
    user: 'ana',
    log: log.name,
    events: [{ type: 'auth-required', reason: 'refused', renew: true, cursor: 2 }],
  });
  expect(tokensMissing).toBe(2);
  broadcast({
    updraft: 1,
    user: 'ana',
    log: log.name,
    events: [{ type: 'auth-required', reason: 'refused', cursor: 3 }],
  });
  expect(tokensMissing).toBe(2);
});

test('the newest status is told to each handler, until it unsubscribes', async () => {
  await open();
  const phases: string[] = [];
  const stop = handlers.on('status', ({ phase }) => phases.push(phase));
  broadcast({ updraft: 1, user: 'ana', status: { ...IDLE, phase: 'sending' } });
  stop();
  broadcast({ updraft: 1, user: 'ana', status: IDLE });
  expect(phases).toEqual(['sending']);
});

describe('fault 72: a status that overtakes another', () => {
  const ordered = (worker: string, number: number, part: Partial<Status>): Status => ({
    ...IDLE,
    ...part,
    order: { worker, number },
  });

  test('an event that arrives after a newer one tells the newer one', async () => {
    await open();
    const auths: string[] = [];
    handlers.on('status', ({ auth }) => auths.push(auth));
    broadcast({ updraft: 1, user: 'ana', status: ordered('w', 2, { auth: 'required' }) });
    broadcast({ updraft: 1, user: 'ana', status: ordered('w', 1, { auth: 'unknown' }) });
    expect(auths).toEqual(['required', 'required']);
  });

  test('an older answer gives the newest status; a newer one outlasts old events', async () => {
    const events = await open();
    broadcast({ updraft: 1, user: 'ana', status: ordered('w', 2, { auth: 'required' }) });
    expect(events.newest(ordered('w', 1, { auth: 'unknown' })).auth).toBe('required');
    expect(events.newest(ordered('w', 4, { auth: 'ok' })).auth).toBe('ok');
    const auths: string[] = [];
    handlers.on('status', ({ auth }) => auths.push(auth));
    broadcast({ updraft: 1, user: 'ana', status: ordered('w', 3, { auth: 'required' }) });
    expect(auths).toEqual(['ok']);
  });

  test('a restarted worker, or an old worker without an order, is believed', async () => {
    const events = await open();
    events.newest(ordered('w', 9, {}));
    expect(events.newest(ordered('v', 1, { auth: 'required' })).auth).toBe('required');
    expect(events.newest({ ...IDLE, auth: 'unknown' }).auth).toBe('unknown');
  });

  test('an event during the first question does not hide the later answer', async () => {
    status = ordered('w', 2, { auth: 'required' });
    const auths: string[] = [];
    handlers.on('status', ({ auth }) => auths.push(auth));
    await openWhile(() =>
      broadcast({ updraft: 1, user: 'ana', status: ordered('w', 1, { auth: 'unknown' }) }),
    );
    expect(auths.at(-1)).toBe('required');
  });
});

test('a throwing handler stops neither the other handlers nor the next events', async () => {
  handlers = createHandlers();
  handlers.on('change', () => {
    throw new Error('a bug of the app');
  });
  handlers.on('change', ({ ids }) => told.push(ids.join()));
  for (const id of ['a', 'b']) happens(id, false);
  await open('log1:0');
  expect(told).toEqual(['reported', 'a', 'reported', 'b']);
});

describe('the heartbeat comes', () => {
  test('fault 34: by a hidden page only while work is left, and not to look for news', async () => {
    await open();
    page.visibilityState = 'hidden';
    await beat(15);
    expect(wakes()).toEqual([]);
    broadcast({ updraft: 1, user: 'ana', status: { ...IDLE, unsent: 1 } });
    await beat(2);
    expect(wakes()).toEqual(['heartbeat', 'heartbeat']);
  });
  test('fault 17: by one of five tabs; when it closes, by the next', async () => {
    status = { ...IDLE, unsent: 1 };
    const tabs = [];
    for (let tab = 0; tab < 5; tab++) tabs.push(await open());
    await beat();
    expect(wakes()).toEqual(['heartbeat']);
    for (const tab of tabs.splice(0, 4)) tab.close();
    await arrive();
    await beat();
    expect(wakes()).toEqual(['heartbeat', 'heartbeat']);
  });
  test('fault 34: by the tab that becomes visible: timers of hidden tabs are slow', async () => {
    status = { ...IDLE, unsent: 1 };
    page.visibilityState = 'hidden';
    const [, second] = [await open(), await open()];
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    await arrive();
    expect(locks.stolen).toBe(1);
    asked.length = 0;
    await beat();
    expect(wakes()).toEqual(['heartbeat']);
    second.close();
    await arrive();
    await beat();
    expect(wakes(), 'and the other again when it closes').toEqual(['heartbeat', 'heartbeat']);
  });
});
