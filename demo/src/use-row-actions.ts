import { useState } from 'preact/hooks';
import type { Row } from '../../client/index.ts';
import type { Inspection } from './collections.ts';
import { errorText } from './error-text.ts';
import type { TaskActions } from './parts/task-row.tsx';
import type { RowActions } from './parts/inspection-row.tsx';
import type { NoticeText } from './parts/notice.tsx';
import type { Client } from './use-updraft.ts';

interface Acting {
  readonly actions: RowActions & TaskActions;
  readonly edited: Row<Inspection> | undefined;
  readonly closeEdit: (saved?: string) => void;
  readonly notice: NoticeText | undefined;
  readonly closeNotice: () => void;
}

/** A person's actions on a row; a notice follows each action that is on disk. */
export function useRowActions(client: Client | undefined): Acting {
  const [edited, setEdited] = useState<Row<Inspection>>();
  const [notice, setNotice] = useState<NoticeText>();
  const act = async (
    done: string,
    work: (open: Client) => Promise<unknown>,
    undo?: () => void,
  ): Promise<boolean> => {
    if (!client) return false;
    try {
      await work(client);
      setNotice({ text: done, ...(undo ? { undo } : {}) });
      return true;
    } catch (error) {
      setNotice({ text: errorText(error) });
      return false;
    }
  };
  return {
    edited,
    closeEdit(saved) {
      setEdited(undefined);
      if (saved !== undefined) setNotice({ text: saved });
    },
    notice,
    closeNotice: () => setNotice(undefined),
    actions: {
      edit: setEdited,
      visit: ({ id }) =>
        void act('One visit more, saved on this device', (open) =>
          open.collection('inspections').increment(id, { visits: 1 }),
        ),
      remove: ({ id, value }) =>
        void act(
          'Deleted on this device',
          (open) => open.collection('inspections').delete(id, { from: value }),
          () => void act('It is back', (open) => open.collection('inspections').put(value)),
        ),
      retry: (id) =>
        void act('It is sent again', (open) =>
          open.retry({ kind: 'mutation', collection: 'inspections', id }),
        ),
      discard: (id) =>
        void act('Your change is discarded', (open) => open.discard('inspections', id)),
      tick: ({ id }, done) =>
        act(
          done ? 'Ticked off, saved on this device' : 'Open again, saved on this device',
          (open) => open.collection('tasks').patch(id, { done }),
        ),
      discardTask: (id) =>
        void act('Your change is discarded', (open) => open.discard('tasks', id)),
    },
  };
}
