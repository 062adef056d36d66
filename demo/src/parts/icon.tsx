import type { JSX } from 'preact';

/**
 * Line icons on a grid of 24, drawn in the text's colour. Decoration: the words beside an icon say
 * everything.
 */
const PATHS = {
  device:
    'M7 3h10a1.5 1.5 0 0 1 1.5 1.5v15A1.5 1.5 0 0 1 17 21H7a1.5 1.5 0 0 ' +
    '1-1.5-1.5v-15A1.5 1.5 0 0 1 7 3ZM10.5 18h3',
  sending: 'M12 20V5M5.5 11.5 12 5l6.5 6.5',
  synced: 'M4.5 12.5 10 18 19.5 7',
  conflict:
    'M6 4v5a5 5 0 0 0 5 5h1a5 5 0 0 1 5 5v1M18 4v3a5 5 0 0 1-2.5 4.3M6 20v-1a5 5 0 0 ' +
    '1 1.5-3.6M3.5 6.5 6 4l2.5 2.5M15.5 6.5 18 4l2.5 2.5',
  warning: 'M12 4 2.8 19.5h18.4L12 4ZM12 10v4.5M12 17.2v.3',
  offline:
    'M3 3l18 18M8.2 8.3A5 5 0 0 0 7 9a4.5 4.5 0 0 0 0 9h10.5M11 6.2A6 6 0 0 1 17.8 ' +
    '11 3.6 3.6 0 0 1 20 16.9',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.2l3.2 2',
  edit: 'M4 20h4L19 9l-4-4L4 16v4ZM13 7l4 4',
  plus: 'M12 5v14M5 12h14',
  trash: 'M4.5 7h15M10 4h4M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5',
  external: 'M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5',
  eye:
    'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 ' +
    '3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  cross: 'M6 6l12 12M18 6 6 18',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5a7.5 7.5 0 0 1 15 0',
  refresh: 'M20 12a8 8 0 0 1-14.3 4.9M4 12a8 8 0 0 1 14.3-4.9M18.5 3v4.5H14M5.5 21v-4.5H10',
  down: 'M6 9.5 12 15.5l6-6',
  tasks: 'M4 6.5 5.5 8 8.5 5M4 16.5 5.5 18l3-3M12 7h8M12 17h8',
  live:
    'M12 12v.01M8.8 15.2a4.5 4.5 0 0 1 0-6.4M15.2 8.8a4.5 4.5 0 0 1 0 6.4M5.6 ' +
    '18.4a9 9 0 0 1 0-12.8M18.4 5.6a9 9 0 0 1 0 12.8',
  key: 'M8 16.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 12.5h9M18 12.5v3.5M15 12.5v2.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
