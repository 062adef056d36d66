import type { Broadcast } from '../../shared/messages.ts';
import type { Resolvers } from '../declarations/resolvers.ts';
import type { DeclarationsSource } from '../declarations/source.ts';
import { createLogger } from '../logger.ts';
import { createBrowserSurface } from '../notices/browser-surface.ts';
import { Notices } from '../notices/notices.ts';
import type { UpdraftOptions } from '../options/options.ts';
import { Channel } from '../pages/channel.ts';
import { appOf } from '../store/names.ts';
import type { Logger } from '../world.ts';
import { random } from './browser.ts';

declare const self: ServiceWorkerGlobalScope;

export type WorkerOptions = Omit<UpdraftOptions, 'collections' | 'resolvers'>;

/** Makes the resolvers of a worker; `tell` hears of those that fail. */
export type MakeResolvers = (tell: (words: string) => void) => Resolvers;

/** The parts of a worker that all its replicas share. */
export interface WorkerParts {
  readonly options: WorkerOptions;
  readonly source: DeclarationsSource;
  readonly app: string;
  readonly channel: Channel;
  readonly resolvers: Resolvers | undefined;
  readonly logger: Logger;
  /** Tells the app's pages; a person is notified where no page is in view. */
  readonly broadcast: (message: Broadcast) => void;
}

export function workerParts(
  options: WorkerOptions,
  source: DeclarationsSource,
  makeResolvers?: MakeResolvers,
): WorkerParts {
  const app = appOf(self.registration.scope);
  const channel = new Channel(caches, app, navigator.locks, random.hex);
  const logger = createLogger(options.log ?? 'error');
  const notices = noticesOf(options);
  const broadcast = (message: Broadcast): void => {
    channel.tell(message);
    if ('status' in message)
      notices
        ?.status(message.status)
        .catch((error: unknown) => logger.info('A notice could not be shown.', error));
  };
  const resolvers = makeResolvers?.(logger.error);
  return { options, source, app, channel, resolvers, logger, broadcast };
}

function noticesOf({ airflow, notifications = false }: WorkerOptions): Notices | undefined {
  if (notifications === false) return undefined;
  const { texts, ...surface } = notifications === true ? {} : notifications;
  return new Notices(createBrowserSurface(self, airflow, surface), texts);
}
