import { START, type Change, type Pair, type Visit } from './two-people.measure.ts';

/** A change in the words of the page, and as what is done. */
type Told = readonly [words: string, change: Change, next?: Change];

/** My change with each of theirs. */
const pairsOf = ([mine, changeMine]: Told, theirs: readonly Told[]): Pair[] =>
  theirs.map(([words, ...steps]) => ({
    mine,
    changeMine,
    theirs: words,
    changeTheirs: steps.flatMap((step) => step ?? []),
  }));

const deletes: Told = ['delete the record', (w, id) => w.delete(id)];
const otherField: Told = ['set another field', (w, id) => w.patch(id, { note: 'rust' })];
const anew: Told = [
  'delete the record, and make it anew',
  (w, id) => w.delete(id),
  (w, id) => w.put({ id, site: 'B2', status: 'fail' }),
];
const increments: Told = ['increment it by 4', (w, id) => w.increment(id, { visits: 4 })];
const setsNumber: Told = ['set it to 10', (w, id) => w.patch(id, { visits: 10 })];
const setsList: Told = ['set the whole list', (w, id) => w.patch(id, { tags: ['wet', 'cold'] })];
const adds: Told = ['add another to it', (w, id) => w.addTo(id, { tags: ['cold'] })];
const removes: Told = ['remove another from it', (w, id) => w.removeFrom(id, { tags: ['old'] })];

const EDITS: readonly Pair[] = [
  ...pairsOf(
    ['set a field', (w, id) => w.patch(id, { status: 'watch' })],
    [
      otherField,
      ['set it to something else', (w, id) => w.patch(id, { status: 'fail' })],
      ['set it to the same', (w, id) => w.patch(id, { status: 'watch' })],
      deletes,
      anew,
    ],
  ),
  ...pairsOf(
    [
      'set a key of an object in a field',
      (w, id) => w.patch(id, { place: { floor: 2, room: 'A' } }),
    ],
    [['set another key of it', (w, id) => w.patch(id, { place: { floor: 1, room: 'B' } })]],
  ),
  ...pairsOf(
    ['remove a field', (w, id) => w.patch(id, { note: undefined })],
    [
      ['set it', (w, id) => w.patch(id, { note: 'rust' })],
      ['remove it', (w, id) => w.patch(id, { note: undefined })],
    ],
  ),
  ...pairsOf(['set a number', (w, id) => w.patch(id, { visits: 20 })], [increments]),
  ...pairsOf(['set a list', (w, id) => w.patch(id, { tags: ['hot'] })], [adds, removes]),
  ...pairsOf(
    ['delete the record', (w, id) => w.delete(id)],
    [otherField, ['increment a number', (w, id) => w.increment(id, { visits: 4 })], deletes, anew],
  ),
];

const SUMS: readonly Pair[] = [
  ...pairsOf(
    ['increment a number by 2', (w, id) => w.increment(id, { visits: 2 })],
    [
      increments,
      setsNumber,
      ['remove it', (w, id) => w.patch(id, { visits: undefined })],
      otherField,
      deletes,
      ['make a text of it', (w, id) => w.patch(id, { visits: 'many' as never })],
    ],
  ),
  ...pairsOf(
    ['add to a list', (w, id) => w.addTo(id, { tags: ['hot'] })],
    [
      adds,
      ['add the same to it', (w, id) => w.addTo(id, { tags: ['hot'] })],
      removes,
      setsList,
      deletes,
      ['add so much that both are too many', (w, id) => w.addTo(id, { tags: ['cold', 'dark'] })],
    ],
  ),
  ...pairsOf(
    ['remove from a list', (w, id) => w.removeFrom(id, { tags: ['wet'] })],
    [
      adds,
      removes,
      ['remove the same from it', (w, id) => w.removeFrom(id, { tags: ['wet'] })],
      [
        'remove the same, and add it again',
        (w, id) => w.removeFrom(id, { tags: ['wet'] }),
        (w, id) => w.addTo(id, { tags: ['wet'] }),
      ],
      setsList,
      deletes,
    ],
  ),
];

const CREATES: readonly Pair[] = pairsOf(
  ['make a record', (w, id) => w.put({ id, site: 'A7', status: 'ok', note: 'dry' })],
  [
    [
      'make one of the same id, with further fields',
      (w, id) => w.put({ id, site: 'A7', status: 'ok', visits: 1 }),
    ],
    [
      'make one of the same id, a field of which differs',
      (w, id) => w.put({ id, site: 'A7', status: 'fail' }),
    ],
    [
      'make one of the same id, and delete it',
      (w, id) => w.put({ id, site: 'A7', status: 'fail' }),
      (w, id) => w.delete(id),
    ],
  ],
).map((pair) => ({ ...pair, isNew: true }));

export const PAIRS: readonly Pair[] = [...EDITS, ...SUMS, ...CREATES];

/** Forms that were open while the other's change came. `seen`: the record that filled the form. */
const formsOf = (seen: (id: string) => { readonly from?: Visit }): readonly Pair[] => {
  const sameField: Told = ['set the same field', (w, id) => w.patch(id, { status: 'fail' })];
  return [
    ...pairsOf(
      [
        '`put` the form, one field changed',
        (w, id) => w.put({ id, ...START, status: 'watch' }, seen(id)),
      ],
      [otherField, sameField],
    ),
    ...pairsOf(
      ['`patch` one field', (w, id) => w.patch(id, { status: 'watch' }, seen(id))],
      [otherField, sameField],
    ),
    ...pairsOf(['`delete`', (w, id) => w.delete(id, seen(id))], [otherField]),
  ];
};

/** Each way to save a form. */
export const FORMS: readonly (readonly [way: string, pairs: readonly Pair[]])[] = [
  ['without `from`', formsOf(() => ({}))],
  ['with `from`', formsOf((id) => ({ from: { id, ...START } }))],
];
