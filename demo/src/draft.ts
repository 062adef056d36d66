import type { Inspection, Site } from './collections.ts';

/** An inspection as typed: all text, unchecked. */
export interface Draft {
  readonly site: string;
  readonly status: Inspection['status'] | '';
  readonly reading: string;
  readonly note: string;
  readonly inspected_on: string;
}
export type DraftField = keyof Draft;

export const emptyDraft = (today: string): Draft => ({
  site: '',
  status: '',
  reading: '',
  note: '',
  inspected_on: today,
});

/** Fields of an inspection that was kept unfinished may be absent. */
export const draftOf = (
  { site, status, reading, note, inspected_on }: Partial<Inspection>,
  sites: readonly Site[],
): Draft => ({
  site: site === undefined ? '' : siteLabel(site, sites),
  status: status ?? '',
  reading: reading === undefined ? '' : String(reading),
  note: note ?? '',
  inspected_on: inspected_on ?? '',
});

/**
 * Returns the fields of the intended record; `undefined`: absent. Text that is no number stays
 * text, for the validation to report.
 */
export function fieldsOf(draft: Draft, sites: readonly Site[]): Record<DraftField, unknown> {
  const reading = draft.reading.trim().replace(',', '.');
  return {
    site: siteIdOf(draft.site, sites),
    status: draft.status === '' ? undefined : draft.status,
    reading: reading === '' ? undefined : Number.isNaN(Number(reading)) ? reading : Number(reading),
    note: draft.note.trim() === '' ? undefined : draft.note.trim(),
    inspected_on: draft.inspected_on === '' ? undefined : draft.inspected_on,
  };
}

/** Returns a record without absent fields. */
export const present = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Label of a site: "A7 · Harbour cold store". */
export const siteLabel = (id: string, sites: readonly Site[]): string => {
  const site = sites.find((one) => one.id === id);
  return site ? `${site.id} · ${site.name}` : id;
};

export const siteName = (id: string, sites: readonly Site[]): string =>
  sites.find((one) => one.id === id)?.name ?? id;

/**
 * Returns the id for the typed or chosen text: a label, an id or a name in any case. Before any
 * site has arrived, the text itself.
 */
export function siteIdOf(text: string, sites: readonly Site[]): string | undefined {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return undefined;
  const found = sites.find((site) =>
    [site.id, site.name, siteLabel(site.id, sites)].some((name) => name.toLowerCase() === wanted),
  );
  return found?.id ?? (sites.length === 0 ? text.trim() : undefined);
}

export const matchingSites = (text: string, sites: readonly Site[]): readonly Site[] => {
  const words = text
    .toLowerCase()
    .split(/[\s·]+/)
    .filter(Boolean);
  return sites.filter((site) =>
    words.every((word) =>
      `${site.id} ${site.name} ${site.region ?? ''}`.toLowerCase().includes(word),
    ),
  );
};
