import * as v from 'valibot';
import { defined } from '../../shared/defined.ts';
import { UpdraftError } from '../../shared/errors.ts';
import {
  ChannelQuestionSchema,
  CommandSchema,
  type Command,
  RequestSchema,
  type Reply,
} from '../../shared/messages.ts';
import { MESSAGES_FLOOR, MESSAGES_VERSION } from '../../shared/protocol-version.ts';
import { badCommand, badRequest } from '../commands/bad-request.ts';
import { handleCommand, type Handled } from '../commands/handle-command.ts';
import type { Logger } from '../world.ts';
import { sleep } from './browser.ts';
import type { Replicas } from './replicas.ts';
import type { WorkerParts } from './worker-parts.ts';

/** The longest wait for newer declarations: a page without an answer asks again after 5 s. */
const NEWER_WAIT_MS = 3_000;
/** Kinds of error about a name that newer declarations may know. */
const UNDECLARED: readonly UpdraftError['kind'][] = ['unknown-collection', 'unknown-index'];

/** The parts of a worker that answers need: a test has others. */
type Parts = Pick<WorkerParts, 'logger' | 'source'> & {
  readonly channel: Pick<WorkerParts['channel'], 'name'>;
};

/** Answers the messages of pages, each on the port that came with the message. */
export class PageRequests {
  readonly #parts: Parts;
  readonly #replicas: Pick<Replicas, 'use' | 'drop'>;

  constructor(parts: Parts, replicas: Pick<Replicas, 'use' | 'drop'>) {
    this.#parts = parts;
    this.#replicas = replicas;
  }

  /** Answers one message. A message that this version cannot read gets an error that says so. */
  async answer(data: unknown, port: MessagePort): Promise<void> {
    const reply = (message: Reply): void => port.postMessage(message);
    const { channel, logger, source } = this.#parts;
    try {
      const request = v.safeParse(RequestSchema, data);
      if (!request.success) throw badRequest(data);
      const { updraft } = request.output;
      if (updraft < MESSAGES_FLOOR) throw reloadNeeded();
      if (v.is(ChannelQuestionSchema, request.output.command))
        return reply({ updraft: MESSAGES_VERSION, ok: await channel.name() });
      const command = v.safeParse(CommandSchema, request.output.command);
      // A newer page may send a command that this worker does not know.
      if (!command.success && updraft > MESSAGES_VERSION) throw reloadNeeded();
      if (!command.success) throw badCommand(request.output.command, command.issues[0]);
      const { user } = request.output;
      const { result, more, afterwards } = await this.#handle(user, command.output);
      if (command.output.type === 'sign-out' && command.output.unsent !== 'keep')
        this.#replicas.drop(user);
      reply({ updraft: MESSAGES_VERSION, ok: result, ...(more ? { more } : {}) });
      // The page has its answer; the drain below only keeps the event alive.
      await Promise.all([
        afterwards?.().catch((error: unknown) => logger.error('A drain failed.', error)),
        command.output.type === 'hello' ? source.refresh() : undefined,
      ]);
    } catch (error) {
      reply({ updraft: MESSAGES_VERSION, error: toReplyError(error, logger) });
    }
  }

  /**
   * Handles a command. Where the command names something undeclared, newer declarations are looked
   * for, and the command is handled once more under them.
   */
  async #handle(user: string, command: Command): Promise<Handled> {
    const { source } = this.#parts;
    const before = await source.current();
    const handle = (): Promise<Handled> =>
      this.#replicas.use(user, (replica) => handleCommand(replica, command));
    try {
      return await handle();
    } catch (error) {
      if (!(error instanceof UpdraftError) || !UNDECLARED.includes(error.kind)) throw error;
      await Promise.race([source.refresh(), sleep(NEWER_WAIT_MS)]);
      if ((await source.current()) === before) throw error;
      return handle();
    }
  }
}

const reloadNeeded = (): UpdraftError =>
  new UpdraftError('reload-needed', 'Page and worker are of different versions. Reload the page.');

/** An error as a page receives it; an unexpected error is logged. */
export function toReplyError(
  error: unknown,
  logger: Logger,
): Extract<Reply, { error: unknown }>['error'] {
  if (error instanceof UpdraftError)
    return { kind: error.kind, message: error.message, ...defined({ path: error.path }) };
  logger.error('A request failed.', error);
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'storage', message: `The worker failed: ${message}. Nothing was changed.` };
}
