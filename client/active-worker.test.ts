import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { activeWorker } from './active-worker.ts';

const SCRIPT = 'https://app.test/sw.js';

/** A worker, from a page's view. */
class FakeWorker extends EventTarget {
  state: ServiceWorkerState;
  readonly scriptURL: string;
  constructor(state: ServiceWorkerState, scriptURL = SCRIPT) {
    super();
    this.state = state;
    this.scriptURL = scriptURL;
  }
  becomes(state: ServiceWorkerState): void {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
interface FakeRegistration {
  scope: string;
  installing: FakeWorker | null;
  waiting: FakeWorker | null;
  active: FakeWorker | null;
  unregister: () => Promise<boolean>;
}

/** Each call, in order. */
let calls: string[];
let found: FakeRegistration | undefined;
let register: () => Promise<FakeRegistration>;
/** The page's `navigator.serviceWorker`. */
let browser: EventTarget;
/** Resolves the browser's `ready`: the page's scope has an active worker. */
let isReady: () => void;

const registrationWith = (workers: Partial<FakeRegistration>): FakeRegistration => ({
  scope: new URL('.', SCRIPT).href,
  installing: null,
  waiting: null,
  active: null,
  unregister() {
    calls.push('unregister');
    return Promise.resolve(true);
  },
  ...workers,
});
/** The promise's outcome; `pending` while the promise is open. */
function following(promise: Promise<unknown>): { is: unknown } {
  const outcome: { is: unknown } = { is: 'pending' };
  promise.then(
    (value) => (outcome.is = value),
    (error: { kind: string }) => (outcome.is = error.kind),
  );
  return outcome;
}
const connecting = (): { is: unknown } => following(activeWorker({ worker: SCRIPT, user: 'ana' }));
const handedOver = (registration: FakeRegistration): { is: unknown } =>
  following(
    activeWorker({
      registration: registration as unknown as ServiceWorkerRegistration,
      user: 'ana',
    }),
  );

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  calls = [];
  found = undefined;
  browser = new EventTarget();
  vi.stubGlobal('navigator', {
    serviceWorker: Object.assign(browser, {
      startMessages: () => undefined,
      ready: new Promise<void>((resolve) => (isReady = resolve)),
      getRegistration: () => Promise.resolve(found),
      register() {
        calls.push('register');
        return register();
      },
    }),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('a first worker', () => {
  test('slow to install is awaited', async () => {
    const worker = new FakeWorker('installing');
    const registration = registrationWith({ installing: worker });
    register = () => Promise.resolve(registration);
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(19_000);
    expect(outcome.is).toBe('pending');
    Object.assign(registration, { installing: null, active: worker });
    worker.becomes('activating');
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.is).toBe(registration);
    expect(calls).toEqual(['register']);
  });

  test('still installing after twenty seconds is used, and may become active later', async () => {
    const registration = registrationWith({ installing: new FakeWorker('installing') });
    const outcome = handedOver(registration);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(outcome.is).toBe(registration);
    expect(calls).toEqual([]);
  });

  test('left installing by a page that is gone: nobody registers behind it', async () => {
    found = registrationWith({ installing: new FakeWorker('installing') });
    register = () => new Promise(() => undefined);
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(outcome.is).toBe(found);
    expect(calls).toEqual([]);
  });

  test('that fails to install rejects at once', async () => {
    const worker = new FakeWorker('installing');
    const registration = registrationWith({ installing: worker });
    const outcome = handedOver(registration);
    registration.installing = null;
    worker.becomes('redundant');
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.is).toBe('no-service-worker');
  });

  test('case D2: that cannot be installed rejects with its own reason and advice', async () => {
    const worker = new FakeWorker('installing');
    const registration = registrationWith({ installing: worker });
    const outcome = activeWorker({
      registration: registration as unknown as ServiceWorkerRegistration,
      user: 'ana',
    });
    const told = expect(outcome).rejects.toMatchObject({
      kind: 'bad-collections',
      message: 'collections.json is not valid at "collections.a": …',
    });
    browser.dispatchEvent(new MessageEvent('message', { data: 'another script’s message' }));
    browser.dispatchEvent(
      new MessageEvent('message', {
        data: {
          updraftFailed: {
            kind: 'bad-collections',
            message: 'collections.json is not valid at "collections.a": …',
          },
        },
      }),
    );
    registration.installing = null;
    worker.becomes('redundant');
    await told;
  });

  test('of a wider scope and another script is not taken for this one', async () => {
    found = registrationWith({
      installing: new FakeWorker('installing', 'https://app.test/other.js'),
    });
    const own = registrationWith({ active: new FakeWorker('activated') });
    register = () => Promise.resolve(own);
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.is).toBe(own);
  });
});

describe('a registration without a worker', () => {
  test('whose script is still being evaluated is awaited until the browser is ready', async () => {
    found = registrationWith({});
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(outcome.is).toBe('pending');
    found.active = new FakeWorker('activating');
    isReady();
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.is).toBe(found);
    expect(calls).toEqual([]);
  });

  test('whose script was being evaluated when its page left: used after 20 s', async () => {
    found = registrationWith({});
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(1_000);
    found.installing = new FakeWorker('installing');
    await vi.advanceTimersByTimeAsync(19_000);
    expect(outcome.is).toBe(found);
  });

  test('that never comes rejects after twenty seconds', async () => {
    const outcome = handedOver(registrationWith({}));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(outcome.is).toBe('no-service-worker');
  });
});

describe('a worker that is active', () => {
  test('is taken at once, whatever waits or is installed behind it', async () => {
    const states: Partial<FakeRegistration>[] = [
      {},
      { waiting: new FakeWorker('installed') },
      { installing: new FakeWorker('installing') },
    ];
    for (const behind of states) {
      const registration = registrationWith({ active: new FakeWorker('activated'), ...behind });
      const outcome = handedOver(registration);
      await vi.advanceTimersByTimeAsync(0);
      expect(outcome.is).toBe(registration);
    }
    expect(calls, 'a waiting update is nobody’s to touch').toEqual([]);
  });

  test('is not registered again: that would wait behind an update nobody ends', async () => {
    found = registrationWith({
      active: new FakeWorker('activated'),
      installing: new FakeWorker('installing'),
    });
    register = () => new Promise(() => undefined);
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.is).toBe(found);
    expect(calls).toEqual([]);
  });

  test('of another script is registered anew, and serves without the new script', async () => {
    found = registrationWith({ active: new FakeWorker('activated', 'https://app.test/sw.js?old') });
    register = () => Promise.reject(new TypeError('offline'));
    const outcome = connecting();
    await vi.advanceTimersByTimeAsync(0);
    expect(outcome.is).toBe(found);
    expect(calls).toEqual(['register']);
  });
});

test('case B12: offline, the worker of another app around this scope is not used', async () => {
  found = Object.assign(
    registrationWith({ active: new FakeWorker('activated', 'https://app.test/other.js') }),
    { scope: 'https://app.test/around/' },
  );
  register = () => Promise.reject(new TypeError('offline'));
  const outcome = connecting();
  await vi.advanceTimersByTimeAsync(0);
  expect(outcome.is).toBe('no-service-worker');
});

test('a script that cannot be fetched, and no worker yet, rejects', async () => {
  register = () => Promise.reject(new TypeError('offline'));
  const outcome = connecting();
  await vi.advanceTimersByTimeAsync(0);
  expect(outcome.is).toBe('no-service-worker');
});

test.each([
  undefined,
  null,
  {},
  { user: 'ana' },
  { worker: '', user: 'ana' },
  { registration: undefined, user: 'ana' },
  { registration: Promise.resolve(), user: 'ana' },
  { registration: 5, worker: '/sw.js', user: 'ana' },
])('case D9: connect(%j) says what it needs', async (options) => {
  await expect(activeWorker(options as never)).rejects.toMatchObject({
    kind: 'bad-option',
    message: expect.stringContaining('connect() needs "worker"'),
  });
});

test.each([undefined, {}])(
  'case D11: without service workers, or on a server, connecting is refused: navigator %j',
  async (navigator) => {
    vi.stubGlobal('navigator', navigator);
    await expect(activeWorker({ worker: SCRIPT, user: 'ana' })).rejects.toMatchObject({
      kind: 'unsupported',
    });
  },
);
