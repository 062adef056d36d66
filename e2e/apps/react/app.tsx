/** @jsxImportSource react */
import { useState, type ReactElement } from 'react';
import {
  typed,
  UpdraftProvider,
  useConflicts,
  useDeadLetters,
  useOutbox,
  useStatus,
} from '../../../bindings/react/index.ts';
import type { Collections } from '../../../demo/src/collections.ts';
import { count, followed, problem, queryOf, updraft } from '../shared.ts';

const { useQuery, useRecord, useUpdraft } = typed<Collections>();

function Inspections({ site }: { readonly site: string }): ReactElement {
  const { data: rows, error } = useQuery('inspections', queryOf(site));
  return (
    <>
      <ul data-testid="rows">
        {rows?.map(({ id, value, state }) => (
          <li key={id}>{`${id} ${value.status} ${state}`}</li>
        ))}
      </ul>
      <p data-testid="count">{count(rows)}</p>
      <p data-testid="query-error">{problem(error)}</p>
    </>
  );
}

function Details(): ReactElement {
  const { data: client, error } = useUpdraft();
  const { data: record } = useRecord('inspections', followed);
  const { data: status } = useStatus();
  const { data: conflicts } = useConflicts();
  const { data: outbox } = useOutbox();
  const { data: deadLetters } = useDeadLetters();
  return (
    <>
      <p data-testid="connected">{client ? 'connected' : problem(error)}</p>
      <p data-testid="record">{record === null ? 'none' : (record?.value.status ?? 'not read')}</p>
      <p data-testid="status">{status ? `${status.unsent} unsent` : 'not read'}</p>
      <p data-testid="conflicts">{count(conflicts)}</p>
      <p data-testid="outbox">{count(outbox)}</p>
      <p data-testid="dead-letters">{count(deadLetters)}</p>
    </>
  );
}

export function App(): ReactElement {
  const [site, setSite] = useState('A7');
  if (typeof window !== 'undefined') window.choose = setSite;
  return (
    <UpdraftProvider updraft={updraft}>
      <Inspections site={site} />
      <Details />
    </UpdraftProvider>
  );
}
