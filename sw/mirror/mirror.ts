import { jsonEquals, type Json } from '../../shared/json.ts';
import { recordKey } from '../record/record-key.ts';
import * as v from 'valibot';
import type { StoredCall } from '../state/call.ts';
import type { Delivery } from '../state/delivery.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { StoredCallSchema } from '../store/stored-call.ts';
import { isNumbered } from '../store/numbered.ts';
import { asJson } from '../store/as-json.ts';
import { isCorruptRow, type Quarantined } from '../store/quarantine-rows.ts';
import { isUnsent } from '../store/salvage.ts';
import { RequestSchema } from '../store/stored-message.ts';
import { DeliverySchema, RecordSchema, ReplicaSchema } from '../store/stored-schema.ts';

/**
 * The storage of a mirror, separate from the replica's own storage, so that either can be lost
 * without the other.
 */
export interface Mirror {
  /** The last complete mirror, or undefined. The content is not trusted. */
  readonly read: () => Promise<unknown>;
  readonly write: (content: MirrorContent) => Promise<void>;
  readonly remove: () => Promise<void>;
  /**
   * Resolves when the next mirror may be written after a mirror that took `tookMs` to read and
   * write: mirroring takes a small part of the time, whatever a mirror's size.
   */
  readonly pause: (tookMs: number) => Promise<void>;
}

/** Characters of JSON that a mirror holds. Rows beyond this size are counted, but not mirrored. */
export const MIRROR_CHARS_MAX = 2 * 1024 * 1024;
/** Rows read for a mirror. */
const MIRROR_ROWS_MAX = 5_000;
/** Answers kept for requests that a page may still repeat: a page gives up after 20 s. */
const ANSWERS_MAX = 100;

const VERSION = 1;
/** A list's valid rows; an invalid row does not spoil the others. */
const soundOf = <T>(schema: v.GenericSchema<unknown, T>): v.GenericSchema<unknown[], T[]> =>
  v.pipe(
    v.array(v.unknown()),
    v.transform((rows) => rows.filter((row): row is T => v.is(schema, row))),
  );
const QuarantinedSchema = v.custom<Quarantined>(
  (row) => isCorruptRow(row) && isNumbered(Object(row).number),
);
const ContentSchema = v.object({
  version: v.literal(VERSION),
  replica: ReplicaSchema,
  unsent: v.number(),
  /** Number of calls that Airflow does not have. */
  calls: v.number(),
  deliveries: v.array(DeliverySchema),
  records: v.array(RecordSchema),
  /** Calls that Airflow does not have, and dead calls. */
  queued: v.optional(soundOf(StoredCallSchema), []),
  /** Damaged rows with unsent work; `count` counts those that did not fit, too. */
  damaged: v.optional(v.object({ count: v.number(), rows: soundOf(QuarantinedSchema) }), {
    count: 0,
    rows: [],
  }),
  answers: soundOf(RequestSchema),
});

/**
 * The parts of a replica needed if its database is lost: identity, progress, the number of unsent
 * changes, and (up to a limit) the unsent changes, those in damaged rows too.
 */
export type MirrorContent = v.InferOutput<typeof ContentSchema>;

/** Parses a mirror's content; undefined if the content is not a valid mirror. */
export function parseMirror(content: unknown): MirrorContent | undefined {
  const parsed = v.safeParse(ContentSchema, content);
  return parsed.success ? parsed.output : undefined;
}

/**
 * Builds the present mirror; without `withRecords` only its marker. The records of a batch are
 * taken completely or not at all: a part of a batch proves nothing.
 */
export async function mirrorOf(
  tx: ReplicaTx,
  replica: Replica,
  withRecords = true,
): Promise<MirrorContent> {
  const { unsent, pendingCalls: calls, deadLetters } = await tx.counts();
  const damaged = (await tx.quarantine.all()).filter(isUnsent).map(mirrored);
  const marker: MirrorContent = {
    version: VERSION,
    replica,
    unsent,
    calls,
    deliveries: [],
    records: [],
    queued: [],
    damaged: { count: damaged.length, rows: [] },
    answers: [],
  };
  if (!withRecords || unsent + calls + deadLetters + damaged.length === 0) return marker;
  const batch = await tx.inBatch();
  const others = [
    ...(await tx.rejected()),
    ...(await tx.conflicted()),
    ...(await tx.sendable(MIRROR_ROWS_MAX)),
  ];
  const room = { chars: MIRROR_CHARS_MAX };
  const deliveries = (await tx.deliveries()).filter(({ state }) => state.kind !== 'open');
  const isBatchIn = fits(room, [...batch, ...deliveries]);
  const queued = [...(await tx.calls.unsent(MIRROR_ROWS_MAX)), ...(await tx.calls.dead())].filter(
    (call) => fits(room, [call]),
  );
  const rows = damaged.filter((row) => fits(room, [row]));
  const keys = new Set(batch.map(recordKey));
  const records = others.filter(
    (record) => !keys.has(recordKey(record)) && keys.add(recordKey(record)) && fits(room, [record]),
  );
  return {
    ...marker,
    deliveries: isBatchIn ? deliveries : [],
    records: isBatchIn ? [...batch, ...records] : records,
    queued,
    damaged: { count: damaged.length, rows },
    answers: await tx.newestAnswers(ANSWERS_MAX),
  };
}

/** The damaged row in the form that JSON has. */
function mirrored(found: Quarantined): Quarantined {
  const row = asJson(found.row);
  return { ...found, row, ...(jsonEquals(row, found.row as Json) ? {} : { hasTexts: true }) };
}

function fits(
  room: { chars: number },
  rows: readonly (ReplicaRecord | Delivery | StoredCall | Quarantined)[],
): boolean {
  if (room.chars < 0) return false;
  const chars = rows.reduce((sum, row) => sum + charsOf(row), 0);
  if (chars > room.chars) return false;
  room.chars -= chars;
  return true;
}

/**
 * The length of a row's JSON text. A row may hold values without a JSON form, or refer to itself;
 * such a row counts as infinite and must not exclude the others.
 */
function charsOf(row: object): number {
  try {
    return JSON.stringify(row).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
