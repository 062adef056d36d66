import { UpdraftError } from '../shared/errors.ts';
import type { Command, Reply, Results } from '../shared/messages.ts';
import { MESSAGES_VERSION } from '../shared/protocol-version.ts';

const ATTEMPT_TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 4;

/** Sends commands to the active worker. */
export interface WorkerLink {
  readonly ask: <C extends Command>(command: C, timeoutMs?: number) => Promise<Results[C['type']]>;
}

/**
 * A worker stopped in the middle of a request gives neither reply nor error, so every request has a time limit and is sent again;
 * captures carry an id with which the worker answers a repeated one without doing it twice.
 */
export function createWorkerLink(worker: () => ServiceWorker | null, user: string): WorkerLink {
  return {
    async ask<C extends Command>(command: C, timeoutMs = ATTEMPT_TIMEOUT_MS): Promise<Results[C['type']]> {
      for (let attempt = 1; ; attempt++) {
        const active = worker();
        if (!active) throw new UpdraftError('no-service-worker', 'No service worker is active for this page. Register one that calls startUpdraft().');
        const reply = await askOnce(active, { updraft: MESSAGES_VERSION, user, command }, timeoutMs);
        if (reply && 'ok' in reply) return reply.ok as Results[C['type']];
        if (reply) throw new UpdraftError(reply.error.kind, reply.error.message);
        if (attempt === ATTEMPTS_MAX)
          throw new UpdraftError(
            'timeout',
            `The service worker did not answer "${command.type}" ${ATTEMPTS_MAX} times in ${timeoutMs} ms. Reload the page; what was captured is kept.`,
          );
      }
    },
  };
}

function askOnce(worker: ServiceWorker, request: object, timeoutMs: number): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const done = (reply: Reply | undefined): void => {
      clearTimeout(timer);
      port1.close();
      resolve(reply);
    };
    const timer = setTimeout(done, timeoutMs, undefined);
    port1.onmessage = (event: MessageEvent<Reply>) => done(event.data);
    worker.postMessage(request, [port2]);
  });
}
