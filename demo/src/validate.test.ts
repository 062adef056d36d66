import { describe, expect, it } from 'vitest';
import { fieldsOf, emptyDraft, matchingSites, present, siteIdOf } from './draft.ts';
import { problemOf, problemsOf } from './validate.ts';

const sites = [
  { id: 'A7', name: 'Harbour cold store', region: 'North' },
  { id: 'C1', name: 'Central bus garage', region: 'Centre' },
];
const draft = {
  ...emptyDraft('2026-03-12'),
  site: 'A7 · Harbour cold store',
  status: 'ok',
} as const;
const check = (part: object): object =>
  problemsOf({ id: 'x', ...present(fieldsOf({ ...draft, ...part }, sites)) });

describe('problemsOf', () => {
  it('finds nothing wrong with a good inspection', () =>
    expect(check({ reading: '42,5', note: ' Seal replaced ' })).toEqual({}));
  it('names missing fields', () =>
    expect(check({ site: '', status: '' })).toEqual({
      site: 'Choose a site.',
      status: 'Choose how it looks.',
    }));
  it('refuses a site that is not on the list', () =>
    expect(check({ site: 'Z9' })).toEqual({ site: 'Choose a site.' }));
  it('names the limits of the schema', () => {
    expect(check({ reading: '1001' })).toEqual({ reading: 'At most 1000.' });
    expect(check({ reading: '-1' })).toEqual({ reading: 'At least 0.' });
    expect(check({ reading: 'warm' })).toEqual({ reading: 'Enter a number.' });
    expect(check({ note: 'x'.repeat(2_001) })).toEqual({ note: 'At most 2000 characters.' });
    expect(check({ inspected_on: '2026-02-30' })).toEqual({ inspected_on: 'Enter a date.' });
  });
  it('checks one value by itself', () => {
    expect(problemOf('status', 'bad')).toBe('Choose one of these.');
    expect(problemOf('visits', 1.5)).toBe('Enter a whole number.');
    expect(problemOf('reading', 12)).toBeUndefined();
  });
});

describe('sites', () => {
  it('are found by label, id and name', () =>
    expect(
      ['A7 · Harbour cold store', 'a7', 'harbour cold store'].map((text) => siteIdOf(text, sites)),
    ).toEqual(['A7', 'A7', 'A7']));
  it('are typed as ids before any has arrived', () => expect(siteIdOf(' A7 ', [])).toBe('A7'));
  it('match words in any order', () =>
    expect(matchingSites('garage cent', sites).map(({ id }) => id)).toEqual(['C1']));
});

it('an empty field is absent from the record', () => {
  expect(present(fieldsOf(draft, sites))).toEqual({
    site: 'A7',
    status: 'ok',
    inspected_on: '2026-03-12',
  });
});
