import { declarationOf } from '../../shared/collections.ts';
import type { Command, Results } from '../../shared/messages.ts';
import type { OpenReplica } from '../open-replica.ts';
import { rowOf } from '../record/row.ts';
import { isById } from '../store/query-plan.ts';
import type { QueryResult } from '../store/record-table.ts';
import { readQuery } from './read-query.ts';
import { visible } from './visible.ts';

/**
 * Answers a query with all rows, or with fewer rows and `more`. Waits for an index under
 * construction.
 */
export async function query(
  { world, indexing }: OpenReplica,
  { collection, query: asked }: Extract<Command, { type: 'query' }>,
): Promise<{ readonly result: Results['query']; readonly more?: true }> {
  for (;;) {
    const read = readQuery(collection, declarationOf(world.declarations, collection), asked);
    let found: QueryResult | undefined;
    const records = await visible(world, async (tx) => {
      found =
        isById(read) || (await tx.isIndexed(collection))
          ? await tx.query(collection, read)
          : undefined;
      return found?.records ?? [];
    });
    if (found)
      return {
        result: records.flatMap((record) => rowOf(record) ?? []),
        ...(found.more ? { more: true } : {}),
      };
    await indexing.awaited();
  }
}
