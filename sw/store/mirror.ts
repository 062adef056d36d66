import * as v from 'valibot';
import type { StoredCall } from '../calls/call.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { ReplicaRecord } from './record.ts';
import type { Replica } from './replica.ts';
import type { ReplicaTx } from './replica-tx.ts';
import { StoredCallSchema } from './stored-call.ts';
import { RequestSchema } from './stored-message.ts';
import { DeliverySchema, RecordSchema, ReplicaSchema } from './stored-schema.ts';

/** Where a mirror lies: in a storage other than the replica's own, so that one can be lost without the other. */
export interface Mirror {
  /** What was last written whole, or undefined. Nothing about it is trusted. */
  readonly read: () => Promise<unknown>;
  readonly write: (content: MirrorContent) => Promise<void>;
  readonly remove: () => Promise<void>;
  /** Resolves when it is time for another mirror after one that took so many ms to read and write: mirroring takes a small part of the time, however large it is. */
  readonly pause: (tookMs: number) => Promise<void>;
}

/** In characters of JSON. What is beyond it is counted, but not kept twice. */
export const MIRROR_CHARS_MAX = 2 * 1024 * 1024;
/** Rows that are read for one mirror. */
const MIRROR_ROWS_MAX = 5_000;
/** Requests that a page may still repeat: it gives up after 20 s. */
const ANSWERS_MAX = 100;

const VERSION = 1;
/** Of a list the rows that make sense: one that makes none does not spoil the others. */
const soundOf = <T>(schema: v.GenericSchema<unknown, T>): v.GenericSchema<unknown[], T[]> =>
  v.pipe(
    v.array(v.unknown()),
    v.transform((rows) => rows.filter((row): row is T => v.is(schema, row))),
  );
const ContentSchema = v.object({
  version: v.literal(VERSION),
  replica: ReplicaSchema,
  unsent: v.number(),
  /** Calls that Airflow does not have. */
  calls: v.number(),
  deliveries: v.array(DeliverySchema),
  records: v.array(RecordSchema),
  /** Calls that Airflow does not have, and dead ones. */
  queued: v.optional(soundOf(StoredCallSchema), []),
  answers: soundOf(RequestSchema),
});

/**
 * A replica as it was at one moment, as far as it matters if its database is lost: who it is, how far it got, how much was unsent,
 * and (up to a limit) what was unsent.
 */
export type MirrorContent = v.InferOutput<typeof ContentSchema>;

/** What a mirror holds, if it holds anything that makes sense. */
export function parseMirror(content: unknown): MirrorContent | undefined {
  const parsed = v.safeParse(ContentSchema, content);
  return parsed.success ? parsed.output : undefined;
}

/** The mirror of this moment; without `withRecords` only its marker. What a batch holds is taken whole or not at all: a part of it proves nothing. */
export async function mirrorOf(tx: ReplicaTx, replica: Replica, withRecords = true): Promise<MirrorContent> {
  const { unsent, pendingCalls: calls, deadLetters } = await tx.counts();
  const marker: MirrorContent = { version: VERSION, replica, unsent, calls, deliveries: [], records: [], queued: [], answers: [] };
  if (!withRecords || unsent + calls + deadLetters === 0) return marker;
  const batch = await tx.inBatch();
  const others = [...(await tx.rejected()), ...(await tx.conflicted()), ...(await tx.sendable(MIRROR_ROWS_MAX))];
  const room = { chars: MIRROR_CHARS_MAX };
  const deliveries = (await tx.deliveries()).filter(({ state }) => state.kind !== 'open');
  const isBatchIn = fits(room, [...batch, ...deliveries]);
  const queued = [...(await tx.calls.unsent(MIRROR_ROWS_MAX)), ...(await tx.calls.dead())].filter((call) => fits(room, [call]));
  const keys = new Set(batch.map(keyOf));
  const records = others.filter((record) => !keys.has(keyOf(record)) && keys.add(keyOf(record)) && fits(room, [record]));
  return {
    ...marker,
    deliveries: isBatchIn ? deliveries : [],
    records: isBatchIn ? [...batch, ...records] : records,
    queued,
    answers: await tx.newestAnswers(ANSWERS_MAX),
  };
}

export const keyOf = ({ collection, id }: Pick<ReplicaRecord, 'collection' | 'id'>): string => `${collection}\n${id}`;

function fits(room: { chars: number }, rows: readonly (ReplicaRecord | Delivery | StoredCall)[]): boolean {
  if (room.chars < 0) return false;
  const chars = rows.reduce((sum, row) => sum + charsOf(row), 0);
  if (chars > room.chars) return false;
  room.chars -= chars;
  return true;
}

/** Of its JSON text. Beside what is checked a row may hold what has none, or holds itself: it must not keep the others out. */
function charsOf(row: object): number {
  try {
    return JSON.stringify(row).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
