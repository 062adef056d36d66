import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBrowserSurface } from './browser-surface.ts';
import type { Surface } from './notices.ts';

interface Click {
  readonly notification: { readonly tag: string; readonly close: () => void };
  readonly waitUntil: (work: Promise<void>) => void;
}

let windows: { visibilityState: string; focus: () => Promise<void> }[];
let done: string[];
let click: (event: Click) => void;
let badge: { setAppBadge?: (count: number) => Promise<void> };
let surface: Surface;

beforeEach(() => {
  [windows, done, click, badge] = [[], [], () => undefined, { setAppBadge: async (count) => void done.push(`badge ${count}`) }];
  vi.stubGlobal('Notification', { permission: 'granted' });
  surface = createBrowserSurface(
    {
      registration: {
        scope: 'https://field.example/',
        showNotification: async (title: string, { tag, body }: NotificationOptions) => void done.push(`${title} (${tag}) ${body}`),
      },
      clients: { matchAll: async () => windows, openWindow: async (url: string) => void done.push(`open ${url}`) },
      navigator: badge,
      addEventListener: (_type: string, listener: (event: Click) => void) => (click = listener),
    } as unknown as ServiceWorkerGlobalScope,
    {},
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
});
async function tap(tag: string): Promise<void> {
  const work: Promise<void>[] = [];
  click({ notification: { tag, close: () => done.push('closed') }, waitUntil: (promise) => void work.push(promise) });
  await Promise.all(work);
}
const windowThatIs = (visibilityState: string): (typeof windows)[number] => ({ visibilityState, focus: async () => void done.push('focused') });

test('a page counts as seen only while it is visible', async () => {
  expect(await surface.isSeen()).toBe(false);
  windows = [windowThatIs('hidden')];
  expect(await surface.isSeen()).toBe(false);
  windows.push(windowThatIs('visible'));
  expect(await surface.isSeen()).toBe(true);
});

test('one notification of a kind, and none where the person has not allowed it', async () => {
  await surface.show('conflict', { title: 'A', body: 'b' });
  vi.stubGlobal('Notification', { permission: 'default' });
  await surface.show('conflict', { title: 'B' });
  expect(done).toEqual(['A (updraft:conflict) b']);
});

test('a tap brings the open page to the front, or opens one; another’s notification is left alone', async () => {
  await tap('updraft:conflict');
  windows = [windowThatIs('hidden')];
  await tap('updraft:conflict');
  await tap('news of the app');
  expect(done).toEqual(['closed', 'open https://field.example/', 'closed', 'focused']);
});

test('the badge, where the browser has one', async () => {
  await surface.badge(3);
  delete badge.setAppBadge;
  await surface.badge(4);
  expect(done).toEqual(['badge 3']);
});
