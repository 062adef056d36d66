import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Row } from '../../../client/index.ts';
import type { Inspection, Site } from '../collections.ts';
import { draftOf, type DraftField } from '../draft.ts';
import { errorText } from '../error-text.ts';
import { useDraft, type DraftForm } from '../use-draft.ts';
import type { Client } from '../use-updraft.ts';
import { Dialog } from './dialog.tsx';
import { InspectionFields } from './inspection-fields.tsx';
import { KeepUnfinished } from './keep-unfinished.tsx';

interface Props {
  readonly client: Client;
  readonly row: Row<Inspection>;
  readonly sites: readonly Site[];
  readonly onClose: (saved?: string) => void;
}

/**
 * Edits an inspection. Only changed fields travel, so that another person's edit of the other
 * fields stays; and the form names the record behind the fields (`from`), so that an edit of a
 * changed field that came meanwhile becomes a conflict and is not overwritten.
 */
export function EditDialog({ client, row, sites, onClose }: Props): JSX.Element {
  const form = useDraft(draftOf(row.value, sites), sites);
  const [problem, setProblem] = useState<string>();
  const patch = async (fields: DraftForm['fields'] | undefined, draft: boolean): Promise<void> => {
    if (!fields) return;
    const changed = Object.entries(fields).filter(
      ([field, value]) => value !== row.value[field as DraftField],
    );
    try {
      if (changed.length > 0)
        await client
          .collection('inspections')
          .patch(row.id, Object.fromEntries(changed), { from: row.value, draft });
      onClose(changed.length > 0 ? 'Saved on this device' : undefined);
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  const save = (event: Event): void => {
    event.preventDefault();
    void patch(form.submit(), false);
  };
  return (
    <Dialog title="Edit inspection" onClose={() => onClose()}>
      <form noValidate data-testid="edit-form" onSubmit={save}>
        <InspectionFields
          prefix="edit-"
          draft={form.draft}
          problems={form.problems}
          sites={sites}
          onChange={form.change}
          onLeave={form.leave}
        />
        <p class="problem" role="alert">
          {problem}
        </p>
        <KeepUnfinished form={form} isReady keep={(all) => patch(all, true)} />
        <div class="buttons">
          <button type="button" class="button" onClick={() => onClose()}>
            Cancel
          </button>
          <button class="button primary" data-testid="edit-save">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
