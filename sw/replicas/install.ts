import type { LastWords } from '../../shared/messages.ts';
import { sleep } from './browser.ts';
import { toReplyError } from './page-requests.ts';
import type { WorkerParts } from './worker-parts.ts';

declare const self: ServiceWorkerGlobalScope;

/** Time for the pages to read the message: a worker that fails to install is ended at once. */
const LAST_WORDS_MS = 200;

/**
 * Installs the worker if the declarations are valid. Otherwise rejects, so that the earlier worker
 * goes on working, and tells the pages why.
 */
export async function install({ source, logger }: WorkerParts): Promise<void> {
  try {
    await source.install();
  } catch (error) {
    const updraftFailed = toReplyError(error, logger);
    const pages = await self.clients.matchAll({ includeUncontrolled: true, type: 'window' });
    for (const page of pages) page.postMessage({ updraftFailed } satisfies LastWords);
    await sleep(LAST_WORDS_MS);
    throw error;
  }
}
