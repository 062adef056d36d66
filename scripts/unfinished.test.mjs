// An addition that is not finished everywhere does not compile: each, made in a copy of the
// sources, must be told by the compiler in every file that is left to change.
import { describe, expect, test } from 'vitest';
import { compileWith } from './lib/compile-planted.mjs';

const COMPILING_MS = 180_000;

/**
 * @type {Array<{ adds: string, edits: import('./lib/compile-planted.mjs').Edit[], files: string[]
 * }>}
 */
const additions = [
  { adds: 'nothing', edits: [], files: [] },
  {
    adds: 'a part of an edit: add',
    edits: [
      {
        file: 'shared/edit.ts',
        after: '  readonly inc: Readonly<Record<string, number>>;\n',
        add: '  readonly add: Readonly<Record<string, readonly Json[]>>;\n',
      },
    ],
    files: [
      'shared/mutation.ts',
      'sw/outbox/seal.ts',
      'sw/record/edit-part.ts',
      'sw/record/edit-parts.ts',
      'sw/record/net.ts',
      'sw/store/salvage.ts',
      'sw/store/stored-schema.ts',
    ],
  },
  {
    adds: 'a transport: edge',
    edits: [
      {
        file: 'shared/limits.ts',
        after: "export type TransportName = 'plugin' | 'dag'",
        add: " | 'edge'",
      },
    ],
    files: [
      'shared/limits.ts',
      'shared/transports.ts',
      'sw/replay/backoff.ts',
      'sw/transport/batch-target.ts',
      'sw/transport/create-transport.ts',
    ],
  },
  {
    adds: 'a table and a command: drafts and count',
    edits: [
      {
        file: 'sw/store/rows.ts',
        after: '  readonly calls: Table<CallRow, string>;\n',
        add: '  readonly drafts: Table<{ readonly key: string }, string>;\n',
      },
      {
        file: 'shared/messages.ts',
        after: "  v.object({ type: v.literal('status') }),\n",
        add: "  v.object({ type: v.literal('count'), collection: text }),\n",
      },
    ],
    files: ['sw/commands/handle-command.ts', 'sw/store/database.ts', 'sw/store/quarantine.ts'],
  },
];

test.concurrent.each(additions)('$adds', { timeout: COMPILING_MS }, async ({ edits, files }) => {
  expect((await compileWith(edits)).files).toEqual(files);
});

/** @type {Array<import('./lib/compile-planted.mjs').Edit & { lacks: string }>} */
const stored = [
  {
    file: 'sw/state/replica.ts',
    after: '  readonly since: number;\n',
    add: '  readonly ofReplica?: string;\n',
    lacks: 'row.ofReplica',
  },
  {
    file: 'sw/state/replica.ts',
    after: "readonly kind: 'none' | 'cookie'",
    add: " | 'door'",
    lacks: 'row.auth.kind',
  },
  {
    file: 'sw/state/delivery.ts',
    after: '  readonly lane: string;\n',
    add: '  readonly ofDelivery?: string;\n',
    lacks: 'row.ofDelivery',
  },
  {
    file: 'sw/record/record.ts',
    after: '  readonly generation: number;\n',
    add: '  readonly ofRecord?: string;\n',
    lacks: 'row.ofRecord',
  },
  {
    file: 'shared/conflict.ts',
    after: "'forked'",
    add: " | 'doubted'",
    lacks: 'row.reason',
  },
  {
    file: 'sw/state/call.ts',
    after: '  readonly seq: number;\n',
    add: '  readonly ofCall?: string;\n',
    lacks: 'row.ofCall',
  },
  {
    file: 'shared/calls.ts',
    after: "{ readonly kind: 'parked'; readonly for: 'sign-in'",
    add: " | 'door'",
    lacks: 'row(parked).for',
  },
  {
    file: 'sw/store/rows.ts',
    after: '  readonly seenAt: number;\n',
    add: '  readonly ofInputs?: string;\n',
    lacks: 'row.ofInputs',
  },
  {
    file: 'shared/row.ts',
    after: '  readonly lastSeq: number;\n  readonly verdict',
    add: "?: VerdictName | 'discarded';\n  readonly ofSettled",
    lacks: 'row(settled).settled.ofSettled',
  },
  {
    file: 'shared/history.ts',
    after: "      readonly kind: 'circuit';\n",
    add: '      readonly ofCircuit?: string;\n',
    lacks: 'row(circuit).ofCircuit',
  },
];

describe('a field, or a value, of a stored row', () => {
  const compiled = compileWith(stored);
  test.each(stored)('$lacks', { timeout: COMPILING_MS }, async ({ lacks }) => {
    expect((await compiled).lacks).toContain(lacks);
  });
});
