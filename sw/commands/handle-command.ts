import { declarationOf } from '../../shared/collections.ts';
import type { Command, Results } from '../../shared/messages.ts';
import { captureCall, discardCall, retryCall } from '../calls/capture-call.ts';
import { entryOf } from '../calls/call-view.ts';
import { pendingInputs } from '../calls/pending-inputs.ts';
import { snapshot, type OpenReplica } from '../open-replica.ts';
import { conflictOf } from '../record/conflict.ts';
import { rowOf } from '../record/row.ts';
import { isSignedOut } from '../state/signed-out.ts';
import { deadLetters, exportDeadLetters, retryDeadLetter } from './dead-letters.ts';
import { discard } from './discard.ts';
import { toOutboxEntries } from './outbox-entries.ts';
import { discardQuarantined, quarantined } from './quarantine.ts';
import { query } from './query.ts';
import { resolve } from './resolve.ts';
import { signIn } from './sign-in.ts';
import { signOut } from './sign-out.ts';
import { visible, visibleCalls } from './visible.ts';

/** A command's answer, and the work to do after the answer was given. */
export interface Handled {
  readonly result: Results[Command['type']];
  /** True when the query has more rows than the answer. */
  readonly more?: true;
  readonly afterwards?: () => Promise<void>;
}

/** The command of a type. */
export type Of<T extends Command['type']> = Extract<Command, { type: T }>;

type Handler<T extends Command['type']> = (
  replica: OpenReplica,
  command: Of<T>,
) => Promise<{
  readonly result: Results[T];
  readonly more?: true;
  readonly afterwards?: () => Promise<void>;
}>;

/** The handler of each command; a missing handler does not compile. */
const HANDLERS: { readonly [T in Command['type']]: Handler<T> } = {
  hello: async (replica) => {
    await replica.desk.reporter.learnDurability();
    return {
      result: await snapshot(replica, undefined),
      afterwards: () => replica.drain.run('connect'),
    };
  },
  wake: async (replica, command) => {
    await replica.desk.reporter.learnDurability();
    return {
      result: await snapshot(replica, command),
      afterwards: () => replica.drain.run(command.reason),
    };
  },
  news: async ({ drain }, command) => ({
    result: null,
    afterwards: () => drain.news(command),
  }),
  capture: async ({ pipeline, drain }, command) => ({
    result: await pipeline.capture(command),
    afterwards: () => drain.afterCapture(),
  }),
  'capture-many': async ({ pipeline, drain }, { requestId, collection, changes }) => ({
    result: await pipeline.captureMany(
      changes.map((change, index) => ({ requestId: `${requestId}/${index}`, collection, change })),
    ),
    afterwards: () => drain.afterCapture(),
  }),
  get: async ({ world }, { collection, id }) => {
    declarationOf(world.declarations, collection);
    const found = await visible(world, async (tx) => [await tx.record(collection, id, 0)]);
    return { result: found.map(rowOf)[0] ?? null };
  },
  query,
  status: async ({ desk }) => ({ result: await desk.reporter.status() }),
  history: async ({ world }, { filter }) => ({
    result: await world.store.read((tx) => tx.history(filter)),
  }),
  outbox: async ({ world }) => ({
    result: (await visible(world, (tx) => tx.unsettled())).flatMap(toOutboxEntries),
  }),
  conflicts: async ({ world }) => {
    const records = await visible(world, (tx) => tx.conflicted());
    return { result: records.flatMap((record) => conflictOf(record) ?? []) };
  },
  'dead-letters': async (replica) => ({ result: await deadLetters(replica) }),
  'export-dead-letters': async (replica) => ({ result: await exportDeadLetters(replica) }),
  quarantine: async (replica) => ({ result: await quarantined(replica) }),
  'discard-quarantined': async (replica, command) => ({
    result: await discardQuarantined(replica, command),
  }),
  retry: async (replica, command) => ({
    result: await retryDeadLetter(replica, command),
    afterwards: () => replica.drain.run('person'),
  }),
  resolve: async (replica, command) => ({
    result: await resolve(replica, command),
    afterwards: () => replica.drain.run('capture'),
  }),
  discard: async (replica, command) => ({ result: await discard(replica, command) }),
  call: async (replica, command) => ({
    result: await captureCall(replica, command),
    afterwards: () => replica.drain.run('capture'),
  }),
  calls: async ({ world }) => ({
    result: (await visibleCalls(world, (tx) => tx.calls.all())).map(entryOf),
  }),
  'pending-inputs': async ({ world }) => ({
    result: await world.store.read(async (tx) =>
      isSignedOut(await tx.replica()) ? { inputs: [] } : pendingInputs(tx.calls),
    ),
  }),
  'retry-call': async (replica, command) => ({
    result: await retryCall(replica, command),
    afterwards: () => replica.drain.run('person'),
  }),
  'discard-call': async (replica, command) => ({ result: await discardCall(replica, command) }),
  'sign-in': async (replica, command) => ({
    result: await signIn(replica, command),
    afterwards: () => replica.drain.run('sign-in'),
  }),
  'sign-out': async (replica, { unsent }) => ({ result: await signOut(replica, unsent) }),
  sync: async ({ desk, drain }) => {
    await desk.rereadEvicted();
    await drain.run('person');
    return { result: await desk.reporter.status() };
  },
};

/**
 * Runs a page's command. The command has been parsed; its names are still checked here. Throws
 * UpdraftError for a command that cannot be done.
 */
export function handleCommand<T extends Command['type']>(
  replica: OpenReplica,
  command: Of<T>,
): ReturnType<Handler<T>> {
  return HANDLERS[command.type](replica, command);
}
