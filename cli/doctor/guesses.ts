/** Guesses at an app's own choices, from the text of its page and its scripts. */

const QUOTED = '["\'`]([^"\'`\\s${}]+)["\'`]';
const WORKER_NAMED = [
  new RegExp(`\\bworker:\\s*${QUOTED}`, 'g'),
  new RegExp(`serviceWorker\\.register\\(\\s*${QUOTED}`, 'g'),
  /["'`]([^"'`\s${}]*\b(?:updraft-)?sw\.m?js(?:\?[^"'`\s]*)?)["'`]/g,
];

/** Addresses of workers that a page or script names, the likeliest first. */
export const workersNamedIn = (text: string): string[] => [
  ...new Set(
    WORKER_NAMED.flatMap((pattern) => [...text.matchAll(pattern)]).map(([, address = '']) =>
      address.replaceAll('&amp;', '&'),
    ),
  ),
];

/** The `airflow` that an app's own worker gives to `startUpdraft()`. */
export function airflowNamedIn(text: string): string | undefined {
  const address = '["\'`]((?:\\/|https?:)[^"\'`\\s]*)["\'`]';
  const written = new RegExp(`\\bairflow:\\s*${address}`).exec(text)?.[1];
  if (written !== undefined) return written;
  // Minified, the options name a variable.
  const variable = /\bairflow:\s*([\w$]+)\s*,\s*collections\b/.exec(text)?.[1];
  if (variable === undefined) return undefined;
  const name = variable.replaceAll('$', '\\$');
  return new RegExp(`(?:^|[\\s,;])${name}\\s*=\\s*${address}`).exec(text)?.[1];
}

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
