import type { JSX } from 'preact';

/** The app's name; the page's title where the page has no other. */
export function Brand({ isTitle = false }: { readonly isTitle?: boolean }): JSX.Element {
  const Name = isTitle ? 'h1' : 'div';
  return (
    <Name class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" />
        <path d="M16 24V9M9.5 15 16 8.5 22.5 15" />
        <path class="wave" d="M7 24.5c2.2-1.6 4-1.6 6 0M19 24.5c2-1.6 3.8-1.6 6 0" />
      </svg>
      <span>Field inspections</span>
    </Name>
  );
}
