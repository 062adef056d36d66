import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';

export interface NoticeText {
  readonly text: string;
  readonly undo?: () => void;
}

const SHOWN_MS = 7_000;

/** The latest action, and the way to undo the action. */
export function Notice({
  notice,
  onClose,
}: {
  readonly notice: NoticeText | undefined;
  readonly onClose: () => void;
}): JSX.Element {
  useEffect(() => {
    if (!notice) return undefined;
    const timer = setTimeout(onClose, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class="notices" role="status">
      {notice && (
        <p class="notice" data-testid="notice">
          {notice.text}
          {notice.undo && (
            <button
              class="button small"
              data-testid="undo"
              onClick={() => {
                notice.undo?.();
                onClose();
              }}
            >
              Undo
            </button>
          )}
        </p>
      )}
    </div>
  );
}
