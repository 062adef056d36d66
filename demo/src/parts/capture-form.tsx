import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { newId } from '../../../client/index.ts';
import type { Inspection, Site } from '../collections.ts';
import { emptyDraft, present, siteName } from '../draft.ts';
import { errorText } from '../error-text.ts';
import { today } from '../dates.ts';
import { useDraft, type DraftForm } from '../use-draft.ts';
import type { Client } from '../use-updraft.ts';
import { Icon } from './icon.tsx';
import { InspectionFields } from './inspection-fields.tsx';
import { KeepUnfinished } from './keep-unfinished.tsx';

interface Props {
  readonly client: Client | undefined;
  readonly sites: readonly Site[];
}
type Outcome = { readonly saved: string } | { readonly problem: string };

/**
 * Captures an inspection. "Saved" appears once the worker has the record on disk, and not before.
 */
export function CaptureForm({ client, sites }: Props): JSX.Element {
  const form = useDraft(emptyDraft(today()), sites);
  const [outcome, setOutcome] = useState<Outcome>();

  const put = async (fields: DraftForm['fields'] | undefined, draft: boolean): Promise<void> => {
    setOutcome(undefined);
    if (!fields || !client) return;
    try {
      const inspection = { id: newId(), visits: 1, ...present(fields) } as unknown as Inspection;
      await client.collection('inspections').put(inspection, { draft });
      form.reset(emptyDraft(today()));
      setOutcome({ saved: draft ? 'unfinished' : siteName(inspection.site, sites) });
    } catch (error) {
      setOutcome({ problem: errorText(error) });
    }
  };
  const save = (event: Event): void => {
    event.preventDefault();
    void put(form.submit(), false);
  };

  return (
    <form class="card capture" noValidate onSubmit={save} aria-labelledby="capture-title">
      <h2 id="capture-title">New inspection</h2>
      <InspectionFields
        draft={form.draft}
        problems={form.problems}
        sites={sites}
        onChange={form.change}
        onLeave={form.leave}
      />
      <button class="button primary wide" data-testid="save" disabled={!client}>
        Save
      </button>
      <KeepUnfinished form={form} isReady={client !== undefined} keep={(all) => put(all, true)} />
      <p class="outcome" aria-live="polite" data-testid="saved">
        {outcome && 'saved' in outcome && (
          <span class="good">
            <Icon name="device" /> Saved on this device: {outcome.saved}
          </span>
        )}
        {outcome && 'problem' in outcome && <span class="problem">{outcome.problem}</span>}
      </p>
    </form>
  );
}
