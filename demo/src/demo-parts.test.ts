import { describe, expect, it } from 'vitest';
import type { Conflict, Row } from '../../client/index.ts';
import type { Inspection } from './collections.ts';
import { dayText, today } from './dates.ts';
import { inQuestion } from './in-question.ts';
import { newestFirst } from './newest-first.ts';
import { openFirst } from './open-first.ts';
import { outcomeTone } from './outcome-tone.ts';
import { byRun, shortRun } from './runs.ts';
import { secondDeviceUrl } from './second-device.ts';

const row = (id: string, revision: number, more: object = {}): Row<Inspection> => ({
  id,
  revision,
  state: revision === 0 ? 'local' : 'synced',
  value: { id, site: 'A7', status: 'ok', inspected_on: '2026-03-12' },
  ...more,
});
const sent = (id: string, firstSeq: number) =>
  ({
    collection: 'inspections',
    id,
    op: 'edit',
    fields: [],
    state: 'local',
    firstSeq,
    lastSeq: firstSeq,
  }) as const;

describe('secondDeviceUrl', () => {
  it('is the other name of this machine', () => {
    expect(secondDeviceUrl('http://127.0.0.1:5180/?a#b')).toBe('http://localhost:5180/');
    expect(secondDeviceUrl('http://localhost:5180/x')).toBe('http://127.0.0.1:5180/');
  });
  it('does not exist on a real host', () =>
    expect(secondDeviceUrl('https://field.example/')).toBeUndefined());
});

describe('newestFirst', () => {
  it('puts records that Airflow lacks on top, the last captured first', () => {
    const rows = newestFirst(
      [row('a', 7), row('b', 0), row('c', 0), row('d', 9)],
      [sent('b', 1), sent('c', 2)],
    );
    expect(rows.map(({ id }) => id)).toEqual(['c', 'b', 'd', 'a']);
  });
  it('goes by date before all', () => {
    const old = row('old', 0, {
      value: { id: 'old', site: 'A7', status: 'ok', inspected_on: '2026-01-01' },
    });
    expect(newestFirst([old, row('a', 1)], [sent('old', 3)]).map(({ id }) => id)).toEqual([
      'a',
      'old',
    ]);
  });
});

describe('openFirst', () => {
  const task = (
    id: string,
    done: boolean,
    revision: number,
    state: 'local' | 'synced' = 'synced',
  ) => ({
    id,
    revision,
    state,
    value: { id, site: 'A7', title: 'Visit A7 again', done },
  });
  it('puts open tasks before done tasks, and the latest change first', () => {
    const rows = openFirst([
      task('old', true, 3),
      task('new', true, 9),
      task('mine', true, 1, 'local'),
      task('b', false, 2),
      task('a', false, 5),
    ]);
    expect(rows.map(({ id }) => id)).toEqual(['a', 'b', 'mine', 'new', 'old']);
  });
});

describe('inQuestion', () => {
  const at = (theirsRevision: number, theirs: Conflict['theirs'], isWhole = false): Conflict => ({
    id: 'c',
    collection: 'inspections',
    recordId: 'a',
    reason: isWhole ? 'deleted-here' : 'edited',
    fields: isWhole ? '*' : [{ field: 'note', base: 'dry', mine: 'wet', theirs: theirs?.['note'] }],
    base: { id: 'a', note: 'dry' },
    mine: isWhole ? null : { id: 'a', note: 'wet' },
    theirs,
    theirsRevision,
  });
  const before = { id: 'a', note: 'damp' };
  it('stays the same where a DAG has scored the record meanwhile', () => {
    expect(inQuestion(at(8, { ...before, score: 20 }))).toBe(inQuestion(at(7, before)));
  });
  it('changes when the field was changed again, or removed', () => {
    const asked = [at(7, before), at(8, { ...before, note: 'flooded' }), at(9, { id: 'a' })].map(
      inQuestion,
    );
    expect(new Set(asked).size).toBe(3);
  });
  it('is the whole record for a choice of versions, and changes with a deletion', () => {
    const asked = [
      at(7, before, true),
      at(8, { ...before, score: 20 }, true),
      at(9, null, true),
    ].map(inQuestion);
    expect(new Set(asked).size).toBe(3);
  });
});

it('an outcome has the tone of its words; words this app does not know have none', () => {
  const tones = [
    'ok',
    'follow-up needed',
    'rejected by validation: site unknown',
    'sent to the laboratory',
  ].map(outcomeTone);
  expect(tones).toEqual(['good', 'warn', 'bad', 'calm']);
});

describe('byRun', () => {
  it('groups the records of a DAG run; records without a run are last', () => {
    const groups = byRun([row('a', 1), row('b', 2, { run: 'r1' }), row('c', 3, { run: 'r1' })]);
    expect(groups.map(({ run, rows }) => [run, rows.length])).toEqual([
      ['r1', 2],
      [undefined, 1],
    ]);
  });
  it('names a run by its batch', () => {
    expect(shortRun('updraft__0a1b__e1__12__9f8e7d6c__a1')).toBe('#12');
    expect(shortRun('manual__2026-03-12')).toBe('');
  });
});

it('dates are the person’s own', () => {
  expect(today(new Date(2026, 2, 5, 23, 59))).toBe('2026-03-05');
  expect(dayText('2026-03-05')).toBe('5 Mar 2026');
  expect(dayText('soon')).toBe('soon');
});
