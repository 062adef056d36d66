import { declarationOf } from '../shared/collections.ts';
import { UpdraftError, unreachable } from '../shared/errors.ts';
import { whyNotJson } from '../shared/json.ts';
import type { Command, Results } from '../shared/messages.ts';
import type { OutboxEntry, Row } from '../shared/row.ts';
import { deadLetters, exportDeadLetters, retryDeadLetter } from './dead-letters.ts';
import { captureCall, discardCall, retryCall } from './calls/capture-call.ts';
import { entryOf } from './calls/call-view.ts';
import { pendingInputs } from './calls/pending-inputs.ts';
import { netFields } from './outbox/net.ts';
import { ensureOpenDelivery, makingOf } from './outbox/open-delivery.ts';
import { snapshot, type OpenReplica } from './replica.ts';
import { conflictOf, resolveConflict } from './settle/conflict.ts';
import { discardPending } from './settle/discard.ts';
import { refuseHidden } from './settle/hidden.ts';
import { signOut } from './sign-out.ts';
import { visible, visibleCalls } from './visible.ts';
import { eventsOf } from './settle/record-events.ts';
import { rowOf, stateOf } from './store/row.ts';
import { CapturedSchema } from './store/stored-message.ts';
import type { ReplicaRecord } from './store/record.ts';

/** A command's answer, and what should happen after it was given. */
export interface Handled {
  readonly result: Results[Command['type']];
  readonly afterwards?: () => Promise<void>;
}

/** Does what a page asked for. The command has been parsed; everything it names is still checked. Throws UpdraftError for what cannot be done. */
export async function handleCommand(replica: OpenReplica, command: Command): Promise<Handled> {
  const { world, desk, pipeline } = replica;
  switch (command.type) {
    case 'hello':
      await desk.learnDurability();
      return { result: await snapshot(replica, undefined), afterwards: () => pipeline.drain('connect') };
    case 'wake':
      await desk.learnDurability();
      return { result: await snapshot(replica, command), afterwards: () => pipeline.drain(command.reason) };
    case 'news':
      return { result: null, afterwards: () => pipeline.news(command) };
    case 'capture':
      return { result: await pipeline.capture(command), afterwards: () => pipeline.drain('capture') };
    case 'get':
      declarationOf(world.declarations, command.collection);
      return { result: (await visible(world, async (tx) => [await tx.record(command.collection, command.id, 0)])).map(rowOf)[0] ?? null };
    case 'query':
      return { result: await query(replica, command) };
    case 'status':
      return { result: await desk.status() };
    case 'history':
      return { result: await world.store.read((tx) => tx.history(command.filter)) };
    case 'outbox':
      return { result: (await visible(world, (tx) => tx.unsettled())).flatMap(toOutboxEntries) };
    case 'conflicts':
      return { result: (await visible(world, (tx) => tx.conflicted())).flatMap((record) => conflictOf(record) ?? []) };
    case 'dead-letters':
      return { result: await deadLetters(replica) };
    case 'export-dead-letters':
      return { result: await exportDeadLetters(replica) };
    case 'retry':
      return { result: await retryDeadLetter(replica, command), afterwards: () => pipeline.drain('person') };
    case 'resolve':
      return { result: await resolve(replica, command), afterwards: () => pipeline.drain('capture') };
    case 'discard':
      return { result: await discard(replica, command) };
    case 'call':
      return { result: await captureCall(replica, command), afterwards: () => pipeline.drain('capture') };
    case 'calls':
      return { result: (await visibleCalls(world, (tx) => tx.calls.all())).map(entryOf) };
    case 'pending-inputs':
      return { result: await world.store.read((tx) => pendingInputs(tx.calls)) };
    case 'retry-call':
      return { result: await retryCall(replica, command), afterwards: () => pipeline.drain('person') };
    case 'discard-call':
      return { result: await discardCall(replica, command) };
    case 'sign-in':
      return { result: await signIn(replica, command), afterwards: () => pipeline.drain('sign-in') };
    case 'sign-out':
      return { result: await signOut(replica, command.unsent) };
    case 'sync':
      await desk.readAgainWhereLetGo();
      await pipeline.drain('person');
      return { result: await desk.status() };
    default:
      return unreachable(command);
  }
}

type Of<T extends Command['type']> = Extract<Command, { type: T }>;

async function query({ world }: OpenReplica, { collection, query: asked }: Of<'query'>): Promise<Row[]> {
  const declaration = declarationOf(world.declarations, collection);
  if (asked.index !== undefined && !declaration.indexes.includes(asked.index)) {
    throw new UpdraftError('unknown-index', `The collection "${collection}" has no index "${asked.index}". Declare it in collections.json under "indexes".`);
  }
  return (await visible(world, (tx) => tx.query(collection, asked))).flatMap((record) => rowOf(record) ?? []);
}

async function resolve({ world, desk, pipeline }: OpenReplica, command: Of<'resolve'>): Promise<Results['resolve']> {
  for (const choice of Object.values(command.choices)) {
    const reason = 'value' in choice ? whyNotJson(choice.value) : undefined;
    if (reason) throw new UpdraftError('not-json', `The chosen value cannot be stored: ${reason}.`);
  }
  const { captured, opened } = await desk.write(async (tx) => {
    const repeated = await tx.answer(command.requestId, CapturedSchema);
    // One whose answer is damaged is told what is true: the conflict is resolved already.
    if (repeated && repeated !== 'damaged') return { result: { captured: repeated.answer, opened: undefined }, events: [] };
    const before = await tx.withConflict(command.conflictId);
    if (!before) throw new UpdraftError('not-found', 'This conflict is resolved already.');
    const replica = await tx.replica();
    refuseHidden(replica, before);
    const seq = replica.seq + 1;
    const after = resolveConflict(before, command, seq);
    await tx.putRecords([after]);
    await tx.putReplica({ ...replica, seq });
    const made = await ensureOpenDelivery(tx, replica, makingOf(world));
    const answer: Results['resolve'] = { id: after.id, seq, log: replica.logId, settled: !after.pending };
    await tx.putAnswer(command.requestId, world.clock.now(), answer);
    return { result: { captured: answer, opened: made }, events: eventsOf([{ before, after }]) };
  });
  if (opened) await pipeline.wakeUpFor(opened.deliveryId);
  await desk.showStatus();
  return captured;
}

async function discard({ world, desk }: OpenReplica, { requestId, collection, id }: Of<'discard'>): Promise<null> {
  await desk.write(async (tx) => {
    if (await tx.isAnswered(requestId)) return { result: null, events: [] };
    await tx.putAnswer(requestId, world.clock.now(), null);
    const before = await tx.record(collection, id, 0);
    refuseHidden(await tx.replica(), before);
    const after = discardPending(before);
    await tx.putRecords([after]);
    await ensureOpenDelivery(tx, await tx.replica(), makingOf(world));
    return { result: null, events: eventsOf([{ before, after, verdict: 'discarded' }]) };
  });
  await desk.showStatus();
  return null;
}

async function signIn({ desk, credentials }: OpenReplica, { credentials: given }: Of<'sign-in'>): Promise<null> {
  await credentials.signIn(given.kind, 'token' in given ? given.token : undefined);
  await desk.update((replica) => ({ ...replica, auth: { kind: given.kind, required: null, signIns: replica.auth.signIns + 1 }, backoff: null }));
  return null;
}

function toOutboxEntries(record: ReplicaRecord): OutboxEntry[] {
  const change = record.pending ?? record.sealed;
  if (!change) return [];
  const fields = [record.sealed, record.pending].flatMap((part) => (part ? netFields(part.net) : []));
  const state = stateOf(record);
  if (state === 'synced') return [];
  return [
    {
      collection: record.collection,
      id: record.id,
      op: change.net.kind,
      fields: [...new Set(fields)],
      state,
      firstSeq: (record.sealed ?? change).firstSeq,
      lastSeq: change.lastSeq,
    },
  ];
}
