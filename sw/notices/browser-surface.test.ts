import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBrowserSurface } from './browser-surface.ts';
import type { Surface } from './notices.ts';

interface Click {
  readonly notification: { readonly tag: string; readonly close: () => void };
  readonly waitUntil: (work: Promise<void>) => void;
}

let windows: { url: string; visibilityState: string; focus: () => Promise<void> }[];
let done: string[];
let click: (event: Click) => void;
let badge: { setAppBadge?: (count: number) => Promise<void> };
let surface: Surface;

beforeEach(() => {
  [windows, done, click, badge] = [
    [],
    [],
    () => undefined,
    { setAppBadge: async (count) => void done.push(`badge ${count}`) },
  ];
  vi.stubGlobal('Notification', { permission: 'granted' });
  surface = createBrowserSurface(
    {
      registration: {
        scope: 'https://field.example/',
        showNotification: async (title: string, { tag, body }: NotificationOptions) =>
          void done.push(`${title} (${tag}) ${body}`),
      },
      location: { origin: 'https://field.example' },
      clients: {
        matchAll: async () => windows,
        openWindow: async (url: string) => void done.push(`open ${url}`),
      },
      navigator: badge,
      addEventListener: (_type: string, listener: (event: Click) => void) => (click = listener),
    } as unknown as ServiceWorkerGlobalScope,
    '/airflow',
    {},
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
});
async function tap(tag: string): Promise<void> {
  const work: Promise<void>[] = [];
  click({
    notification: { tag, close: () => done.push('closed') },
    waitUntil: (promise) => void work.push(promise),
  });
  await Promise.all(work);
}
const windowThatIs = (
  visibilityState: string,
  url = 'https://field.example/',
): (typeof windows)[number] => ({
  url,
  visibilityState,
  focus: async () => void done.push('focused'),
});

test('a page counts as seen only while it is visible', async () => {
  expect(await surface.isSeen()).toBe(false);
  windows = [windowThatIs('hidden')];
  expect(await surface.isSeen()).toBe(false);
  windows.push(windowThatIs('visible'));
  expect(await surface.isSeen()).toBe(true);
});

test('case B13: with the worker at / Airflow’s pages are neither seen nor focused', async () => {
  const visible = (path: string): (typeof windows)[number] =>
    windowThatIs('visible', `https://field.example${path}`);
  windows = ['/airflow', '/airflow/', '/airflow?next=%2F', '/airflow/dags/report#x'].map(visible);
  expect(await surface.isSeen()).toBe(false);
  await tap('updraft:conflict');
  expect(done).toContain('open https://field.example/');
  windows = ['/airflow-guide', '/inspections?at=/airflow/'].map(visible);
  expect(await surface.isSeen()).toBe(true);
});

test.each([
  [
    'a page of another app of the origin',
    'https://field.example/b/',
    '/airflow',
    'https://field.example/a/',
    false,
  ],
  ['a page of the app', 'https://field.example/a/x', '/airflow', 'https://field.example/a/', true],
  [
    'a page of the app beneath Airflow’s path',
    'https://field.example/airflow/app/',
    '/airflow',
    'https://field.example/airflow/app/',
    true,
  ],
  [
    'a page of the app where Airflow has the whole origin',
    'https://field.example/app/',
    '',
    'https://field.example/app/',
    true,
  ],
  [
    'a page of the app where Airflow is elsewhere',
    'https://field.example/',
    'https://airflow.example',
    'https://field.example/',
    true,
  ],
] as const)('case B13: in view or not: %s', async (_name, url, airflow, scope, isSeen) => {
  windows = [windowThatIs('visible', url)];
  const { isSeen: asked } = createBrowserSurface(
    {
      registration: { scope },
      location: new URL('sw.js', scope),
      clients: { matchAll: async () => windows },
      addEventListener: () => undefined,
    } as unknown as ServiceWorkerGlobalScope,
    airflow,
    {},
  );
  expect(await asked()).toBe(isSeen);
});

test('a single notification of each kind, and none without the person’s permission', async () => {
  await surface.show('conflict', { title: 'A', body: 'b' });
  vi.stubGlobal('Notification', { permission: 'default' });
  await surface.show('conflict', { title: 'B' });
  expect(done).toEqual(['A (updraft:conflict) b']);
});

test('a tap focuses or opens the page; another app’s notification is left alone', async () => {
  await tap('updraft:conflict');
  windows = [windowThatIs('hidden')];
  await tap('updraft:conflict');
  await tap('news of the app');
  expect(done).toEqual(['closed', 'open https://field.example/', 'closed', 'focused']);
});

test('the badge, where the browser has badges', async () => {
  await surface.badge(3);
  delete badge.setAppBadge;
  await surface.badge(4);
  expect(done).toEqual(['badge 3']);
});
