import type { JSX } from 'preact';
import type { Client } from '../use-updraft.ts';
import { Icon } from './icon.tsx';

/** Exports the changes and calls that Airflow refused, as a file with all their contents. */
export function ExportLetters({ client }: { readonly client: Client }): JSX.Element {
  const save = async (): Promise<void> => {
    const url = URL.createObjectURL(
      new Blob([await client.exportDeadLetters()], { type: 'application/json' }),
    );
    Object.assign(document.createElement('a'), {
      href: url,
      download: 'refused-changes.json',
    }).click();
    URL.revokeObjectURL(url);
  };
  return (
    <p class="line">
      <button class="action" data-testid="export-letters" onClick={() => void save()}>
        <Icon name="external" /> Save refused changes as a file
      </button>
    </p>
  );
}
