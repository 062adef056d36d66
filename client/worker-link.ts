import { UpdraftError } from '../shared/errors.ts';
import type { Question, Reply, Results } from '../shared/messages.ts';
import { notPlain } from './plain.ts';
import { MESSAGES_FLOOR, MESSAGES_VERSION } from '../shared/protocol-version.ts';

const ATTEMPT_TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 4;

/** Sends commands to the active worker. */
export interface WorkerLink {
  readonly ask: <C extends Question>(command: C, timeoutMs?: number) => Promise<Results[C['type']]>;
}

/**
 * Sends each command with a time limit and repeats the command, because a worker stopped in the
 * middle of a request gives neither reply nor error. Captures carry an id, by which the worker
 * answers a repeated command without a second effect.
 */
export function createWorkerLink(worker: () => ServiceWorker | null, user: string): WorkerLink {
  /** Lowered for a worker older than this page: every message that both know goes on working. */
  let version = MESSAGES_VERSION;
  return {
    async ask<C extends Question>(
      command: C,
      timeoutMs = ATTEMPT_TIMEOUT_MS,
    ): Promise<Results[C['type']]> {
      const odd = notPlain(command);
      if (odd !== undefined)
        throw new UpdraftError(
          'not-json',
          `"${odd}" is no plain object or list, which is all that JSON can hold. ` +
            'Store what it stands for.',
        );
      for (let attempt = 1; ; attempt++) {
        const active = worker();
        if (!active)
          throw new UpdraftError(
            'no-service-worker',
            'No service worker is active for this page. Register one that calls startUpdraft().',
          );
        const reply = await askOnce(active, { updraft: version, user, command }, timeoutMs);
        if (reply && 'ok' in reply)
          return (
            reply.more ? Object.assign(reply.ok as object, { more: true }) : reply.ok
          ) as Results[C['type']];
        if (reply?.error.kind === 'reload-needed' && version > MESSAGES_FLOOR) {
          version = MESSAGES_FLOOR;
          continue;
        }
        if (reply) throw new UpdraftError(reply.error.kind, reply.error.message, reply.error.path);
        // The first question of a page is answered from memory: a worker silent twice serves no
        // messages.
        if (command.type === 'channel' && attempt === 2)
          throw new UpdraftError(
            'no-service-worker',
            `${active.scriptURL} does not answer. Does it call startUpdraft() while ` +
              'it is first evaluated?',
          );
        if (attempt === ATTEMPTS_MAX)
          throw new UpdraftError(
            'timeout',
            `The service worker did not answer "${command.type}" ${ATTEMPTS_MAX} ` +
              `times in ${timeoutMs} ms. Reload the page; what was captured is kept.`,
          );
      }
    },
  };
}

function askOnce(
  worker: ServiceWorker,
  request: object,
  timeoutMs: number,
): Promise<Reply | undefined> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    const done = (reply: Reply | undefined): void => {
      clearTimeout(timer);
      port1.close();
      resolve(reply);
    };
    const timer = setTimeout(done, timeoutMs, undefined);
    port1.onmessage = (event: MessageEvent<Reply>) => done(event.data);
    try {
      worker.postMessage(request, [port2]);
    } catch (error) {
      // A value that cannot be copied: a function, a proxy, …
      reject(new UpdraftError('not-json', `This cannot be stored: ${String(error)}`));
    }
  });
}
