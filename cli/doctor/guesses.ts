/** Guesses at an app's own choices, from the text of its page and its scripts. */

const QUOTED = '["\'`]([^"\'`\\s]+)["\'`]';
const WORKER_NAMED = [
  new RegExp(`\\bworker:\\s*${QUOTED}`),
  new RegExp(`serviceWorker\\.register\\(\\s*${QUOTED}`),
  /["'`]([^"'`\s]*\b(?:updraft-)?sw\.m?js(?:\?[^"'`\s]*)?)["'`]/,
];

/** The address of the worker that a page or script registers. */
export function workerNamedIn(text: string): string | undefined {
  const found = WORKER_NAMED.map((pattern) => pattern.exec(text)?.[1]).find(
    (address) => address !== undefined,
  );
  return found?.replaceAll('&amp;', '&');
}

/** The `airflow` that an app's own worker gives to `startUpdraft()`. */
export const airflowNamedIn = (text: string): string | undefined =>
  /\bairflow:\s*["'`]((?:\/|https?:)[^"'`\s]*)["'`]/.exec(text)?.[1];

/** URLs of the page's own scripts. */
export function scriptsOf(html: string, page: URL): string[] {
  return [...html.matchAll(/<(?:script|link)\b[^>]*?\b(?:src|href)\s*=\s*["']([^"']+)["']/gi)]
    .map(([, address = '']) => new URL(address, page))
    .filter(({ origin, pathname }) => origin === page.origin && /\.(m?js|tsx?)$/.test(pathname))
    .map(({ href }) => href);
}

/** Whether this is the prebuilt worker, which fetches `collections.json` itself. */
export function isPrebuilt(worker: string): boolean {
  const { pathname, searchParams } = new URL(worker);
  return pathname.endsWith('/updraft-sw.js') || searchParams.has('collections');
}
