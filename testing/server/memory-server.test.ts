import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hashBatch } from '../../shared/batch.ts';
import type { Doc } from '../../shared/json.ts';
import type { TransportName } from '../../shared/limits.ts';
import { MemoryServer } from './memory-server.ts';

const FOLDER = new URL('../../shared/contract/', import.meta.url);
/** Refusals without a proof of the store's state. */
const UNPROVEN = ['fork', 'invalid', 'user_mismatch'];

interface Expected {
  readonly echo: { hash?: string };
  readonly refused?: string;
  reason?: object;
  readonly verdicts?: { reason?: object }[];
}
/** A step of a golden story (shared/contract/README.md). */
interface Step {
  readonly as?: string;
  readonly transport?: TransportName;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly expect?: Expected;
  readonly restore?: number;
  readonly declare?: unknown;
  readonly server?: {
    readonly put?: { readonly collection: string; readonly record: Doc; readonly owner?: string };
    readonly delete?: { readonly collection: string; readonly id: string };
    readonly give?: { readonly collection: string; readonly id: string; readonly owner: string };
    readonly prune?: number;
    readonly renew?: true;
  };
}
interface Story {
  readonly mishap: string;
  readonly collections: unknown;
  readonly epochKeptOutside?: boolean;
  readonly proofs?: boolean;
  readonly steps: readonly Step[];
}

const stories = readdirSync(FOLDER).filter((file) => file.startsWith('exchange-'));
const fileOf = (collections: unknown): unknown => ({ version: 1, collections });

function change(
  server: MemoryServer,
  { put, give, prune, renew, ...rest }: Required<Step>['server'],
): void {
  if (put) server.put(put.collection, put.record, put.owner ?? null);
  if (rest.delete) server.delete(rest.delete.collection, rest.delete.id);
  if (give) server.give(give.collection, give.id, give.owner);
  if (prune !== undefined) server.prune(prune);
  if (renew) server.renew();
}

/** The request as it travels: the batch as a text with its hash, a proof by its step. */
async function toWire(
  request: Required<Step>['request'],
  proofs: ReadonlyMap<number, string | undefined>,
): Promise<Record<string, unknown>> {
  const { batch, proof } = request;
  const given = typeof proof === 'number' ? { proof: proofs.get(proof) } : {};
  if (batch === undefined) return { ...request, ...given };
  const text = typeof batch === 'string' ? batch : JSON.stringify(batch);
  return { hash: await hashBatch(text), ...request, ...given, batch: text };
}

/** Fills what a story leaves open: the hash, and words of reasons. */
function filled(expected: Expected, request: Record<string, unknown>, got: Expected): Expected {
  const wanted = structuredClone(expected);
  if ('batch' in request) wanted.echo.hash = request['hash'] as string;
  [wanted, ...(wanted.verdicts ?? [])].forEach((one, at) => {
    const other = [got, ...(got.verdicts ?? [])][at];
    if (one.reason && other?.reason) one.reason = { ...other.reason, ...one.reason };
  });
  return wanted;
}

test.each(stories)('the server in memory holds the golden exchange %s', async (file) => {
  const story = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Story;
  const server = new MemoryServer(fileOf(story.collections), {
    keepsEpochOutside: story.epochKeptOutside === true,
    givesProofs: story.proofs === true,
  });
  const backups = [];
  const proofs = new Map<number, string | undefined>();
  for (const [number, step] of story.steps.entries()) {
    const backup = backups[step.restore ?? -1];
    if (backup) server.restore(backup);
    else if (step.declare) server.declare(fileOf(step.declare));
    else if (step.server) change(server, step.server);
    else if (step.request && step.expect) {
      const request = await toWire(step.request, proofs);
      const { proof, ...got } = await server.exchange(request, step.as ?? '', step.transport);
      proofs.set(number, proof);
      expect(proof !== undefined, 'a proof').toBe(
        story.proofs === true && !UNPROVEN.includes(got.refused ?? ''),
      );
      expect(got, `step ${number}: ${story.mishap}`).toEqual(
        filled(step.expect, request, got as unknown as Expected),
      );
    }
    backups.push(server.backup());
  }
});
