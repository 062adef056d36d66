/** @jsxImportSource solid-js */
import { createSignal, For, type JSX } from 'solid-js';
import {
  typed,
  UpdraftProvider,
  useConflicts,
  useDeadLetters,
  useOutbox,
  useStatus,
} from '../../../bindings/solid/index.ts';
import type { Collections } from '../../../demo/src/collections.ts';
import { count, followed, problem, queryOf, updraft } from '../shared.ts';

const { useQuery, useRecord, useUpdraft } = typed<Collections>();

function Inspections(props: { readonly site: string }): JSX.Element {
  const rows = useQuery('inspections', () => queryOf(props.site));
  return (
    <>
      <ul data-testid="rows">
        <For each={rows.data ?? []}>
          {({ id, value, state }) => <li>{`${id} ${value.status} ${state}`}</li>}
        </For>
      </ul>
      <p data-testid="count">{count(rows.data)}</p>
      <p data-testid="query-error">{problem(rows.error)}</p>
    </>
  );
}

function Details(): JSX.Element {
  const client = useUpdraft();
  const record = useRecord('inspections', followed);
  const status = useStatus();
  const [conflicts, outbox, letters] = [useConflicts(), useOutbox(), useDeadLetters()];
  return (
    <>
      <p data-testid="connected">{client.data ? 'connected' : problem(client.error)}</p>
      <p data-testid="record">
        {record.data === null ? 'none' : (record.data?.value.status ?? 'not read')}
      </p>
      <p data-testid="status">{status.data ? `${status.data.unsent} unsent` : 'not read'}</p>
      <p data-testid="conflicts">{count(conflicts.data)}</p>
      <p data-testid="outbox">{count(outbox.data)}</p>
      <p data-testid="dead-letters">{count(letters.data)}</p>
    </>
  );
}

export function App(): JSX.Element {
  const [site, setSite] = createSignal('A7');
  if (typeof window !== 'undefined') window.choose = setSite;
  return (
    <UpdraftProvider updraft={updraft}>
      <Inspections site={site()} />
      <Details />
    </UpdraftProvider>
  );
}
