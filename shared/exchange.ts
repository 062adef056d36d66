import * as v from 'valibot';
import { RevisionSchema } from './mutation.ts';
import { PROTOCOL_FLOOR, PROTOCOL_VERSION } from './protocol-version.ts';
import { ArrivingSchema, ReasonSchema, VerdictSchema } from './verdict.ts';

/** `number` and `nonce` of a batch: the batch's name in the server's ledger. */
export const BatchNameSchema = v.object({
  number: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  nonce: v.string(),
});
export type BatchName = v.InferOutput<typeof BatchNameSchema>;

/** Versions of the protocol that both sides read. */
const Spoken = v.picklist([PROTOCOL_FLOOR, PROTOCOL_VERSION]);
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/**
 * The device's report about itself, for the operators of Airflow: labels, which a server may ignore
 * and which decide nothing.
 */
export const DeviceReportSchema = v.strictObject({
  unsent: Count,
  /** Exchanges that failed in a row. */
  failures: Count,
  /** Age of the oldest change that is not in Airflow. */
  oldestSeconds: v.exactOptional(Count),
  /** Waker of the worker: the browser by itself, or only an open page. */
  wake: v.exactOptional(v.picklist(['sync', 'page'])),
  /** Records of Airflow that no row of this device can hold. */
  keptOut: v.exactOptional(Count),
  /** The app's version, as named by the app. */
  app: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
});
export type DeviceReport = v.InferOutput<typeof DeviceReportSchema>;

/** Request of an exchange. See docs/protocol.md. */
export const ExchangeRequestSchema = v.strictObject({
  protocol: Spoken,
  replicaId: v.string(),
  user: v.string(),
  epoch: v.nullable(v.string()),
  last: v.nullable(BatchNameSchema),
  batch: v.exactOptional(v.string()),
  hash: v.exactOptional(v.string()),
  void: v.exactOptional(BatchNameSchema),
  since: RevisionSchema,
  floor: RevisionSchema,
  limit: v.number(),
  device: v.exactOptional(DeviceReportSchema),
  /**
   * Proof from the newest answer, unchanged: lets the server recognise the answered state, also
   * after a restore from a backup.
   */
  proof: v.exactOptional(v.string()),
  /** The collections whose changes this replica holds. */
  holds: v.exactOptional(v.array(v.string())),
});
export type ExchangeRequest = v.InferOutput<typeof ExchangeRequestSchema>;

const head = { collection: v.string(), id: v.string(), revision: RevisionSchema };

/** An entry of the feed: a record, a tombstone, or a record that left the user's view. */
export const ChangeSchema = v.union([
  v.object({ ...head, record: v.nonNullable(ArrivingSchema) }),
  v.object({ ...head, deleted: v.literal(true) }),
  v.object({ ...head, gone: v.literal(true) }),
]);
export type Change = v.InferOutput<typeof ChangeSchema>;

/**
 * Response of an exchange. Only a response that parses and echoes the request counts as an answer
 * (law 8).
 */
export const ExchangeResponseSchema = v.object({
  protocol: Spoken,
  replicaId: v.nullable(v.string()),
  echo: v.object({
    epoch: v.nullable(v.string()),
    since: v.nullable(RevisionSchema),
    floor: v.nullable(RevisionSchema),
    last: v.nullable(BatchNameSchema),
    nonce: v.nullable(v.string()),
    hash: v.nullable(v.string()),
  }),
  epoch: v.nullable(v.string()),
  refused: v.optional(v.picklist(['user_mismatch', 'fork', 'epoch', 'invalid', 'void'])),
  reason: v.optional(ReasonSchema),
  verdicts: v.optional(v.array(VerdictSchema)),
  reset: v.boolean(),
  start: v.nullable(RevisionSchema),
  changes: v.array(ChangeSchema),
  upTo: v.nullable(RevisionSchema),
  more: v.boolean(),
  proof: v.optional(v.string()),
  /**
   * Collections of `holds` that this answer does not speak for: nothing is said of their records.
   */
  undeclared: v.optional(v.array(v.string())),
});
export type ExchangeResponse = v.InferOutput<typeof ExchangeResponseSchema>;
