import * as v from 'valibot';
import { RevisionSchema } from '../../shared/mutation.ts';
import type { HistoryEntry } from '../../shared/history.ts';
import { isNumbered } from './numbered.ts';
import { storedAs } from './stored-as.ts';

const text = v.string();
const line = { seq: v.custom<number>(isNumbered), at: v.number() };
const move = {
  lane: text,
  from: text,
  to: text,
  why: v.exactOptional(text),
  retryAt: v.exactOptional(v.number()),
};
const attempt = {
  lane: text,
  outcome: text,
  why: v.exactOptional(text),
  status: v.exactOptional(v.number()),
  durationMs: v.number(),
  wake: text,
};

/** Lines of the history: kinds, names and numbers. Words are for people: they decide nothing. */
export const HistorySchema = storedAs<HistoryEntry>()(
  v.variant('kind', [
    v.looseObject({ ...line, kind: v.literal('delivery-moved'), deliveryId: text, ...move }),
    v.looseObject({ ...line, kind: v.literal('call-moved'), callId: text, ...move }),
    v.looseObject({
      ...line,
      kind: v.literal('attempt'),
      deliveryId: v.exactOptional(text),
      ...attempt,
      bytesSent: v.number(),
      bytesReceived: v.number(),
      attempt: v.exactOptional(v.unknown()),
      via: v.exactOptional(v.unknown()),
    }),
    v.looseObject({
      ...line,
      kind: v.literal('call-attempt'),
      callId: text,
      ...attempt,
      attempt: RevisionSchema,
    }),
    v.looseObject({
      ...line,
      kind: v.literal('circuit'),
      from: text,
      to: text,
      failures: RevisionSchema,
      until: v.exactOptional(v.number()),
    }),
    v.looseObject({
      ...line,
      kind: v.literal('conflict-decided'),
      collection: text,
      id: text,
      reason: text,
      choices: v.exactOptional(v.record(text, text)),
      why: v.exactOptional(text),
    }),
  ]),
);
