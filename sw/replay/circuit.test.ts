import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import type { HistoryFact } from '../../shared/history.ts';
import type { Desk } from '../status/desk.ts';
import type { Replica } from '../state/replica.ts';
import { Circuit, CircuitCell, reportOf } from './circuit.ts';
import type { CircuitReport } from '../state/circuit-state.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const YEAR_MS = 365 * 24 * 3_600_000;
const STRUGGLES: CircuitReport = { kind: 'struggles' };

let now: number;
let fraction: number;
let kept: Partial<Replica>;
let log: HistoryFact[];
let cell: CircuitCell;
let circuit: Circuit;
const desk = {
  recordChange: async (change: (replica: Replica) => Replica, facts: readonly HistoryFact[]) => {
    kept = change(kept as Replica);
    log.push(...facts);
  },
} as unknown as Desk;
const open = (of = new CircuitCell()): Circuit =>
  new Circuit(
    of,
    {
      clock: { now: () => now, after: () => () => undefined },
      random: { hex: () => '', fraction: () => fraction },
    },
    desk,
  );

beforeEach(() => {
  [now, fraction, kept, log] = [NOW, 0.5, {}, []];
  cell = new CircuitCell();
  circuit = open(cell);
});
const moves = (): string[] =>
  log.flatMap((fact) => (fact.kind === 'circuit' ? [`${fact.from}→${fact.to}`] : []));
async function send(report: CircuitReport): Promise<void> {
  circuit.begin();
  await circuit.report(report);
}

test('while Airflow answers, the circuit lets everything through and writes nothing', async () => {
  for (let sent = 0; sent < 3; sent++) await send({ kind: 'answered' });
  expect(circuit.mayTry()).toBe(true);
  expect([kept, log]).toEqual([{}, []]);
});

test('fault 25: a server in trouble gets a single probe when due, whatever the lanes', async () => {
  await send(STRUGGLES);
  expect(circuit.mayTry()).toBe(false);
  now = circuit.dueAt() ?? 0;
  expect(circuit.mayTry()).toBe(true);
  circuit.begin();
  expect(circuit.mayTry(), 'another lane').toBe(false);
  expect(circuit.mayTry(true), 'a person, too').toBe(false);
  await circuit.report({ kind: 'answered' });
  expect(circuit.mayTry()).toBe(true);
  expect(moves()).toEqual(['closed→open', 'half-open→closed']);
});

test('fault 25: the wait doubles with each probe that fails, and honours Retry-After', async () => {
  const waits: number[] = [];
  for (let failures = 0; failures < 4; failures++) {
    await send(STRUGGLES);
    waits.push((circuit.dueAt() ?? 0) - now);
    now = circuit.dueAt() ?? 0;
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000]);
  await send({ kind: 'struggles', retryAfterMs: 60_000 });
  expect((circuit.dueAt() ?? 0) - now).toBe(66_000);
});

test('a pressing reason probes before the due time', async () => {
  await send(STRUGGLES);
  expect(circuit.mayTry(true)).toBe(true);
});

test('a request under way when the circuit opened does not count again', async () => {
  for (let lane = 0; lane < 4; lane++) circuit.begin();
  for (let lane = 0; lane < 4; lane++) await circuit.report(STRUGGLES);
  expect(circuit.state).toEqual({ kind: 'open', failures: 1, until: NOW + 1_000 });
});

test('a probe that was never sent, or met no network, leaves the circuit unchanged', async () => {
  await send(STRUGGLES);
  const before = circuit.state;
  now += 1_000;
  await send({ kind: 'unsent' });
  expect(circuit.state).toEqual(before);
  expect(circuit.mayTry()).toBe(true);
});

test('a probe without an answer does not block the circuit for ever', async () => {
  await send(STRUGGLES);
  now += 1_000;
  circuit.begin();
  now += 120_000;
  expect(circuit.mayTry()).toBe(true);
});

test('fault 1: a killed worker’s successor restores the open circuit', async () => {
  await send(STRUGGLES);
  const next = open();
  next.restore(kept.circuit);
  expect(next.mayTry()).toBe(false);
  await circuit.report({ kind: 'answered' });
  expect(kept.circuit, 'nothing is kept of what is over').toBeUndefined();
});

test('two users of a worker share the circuit, and hear when Airflow is back', async () => {
  const other = open(cell);
  let isBack = false;
  cell.onClosed.add(() => (isBack = true));
  await send(STRUGGLES);
  expect(other.mayTry()).toBe(false);
  other.begin();
  await other.report({ kind: 'answered' });
  expect([circuit.mayTry(), isBack]).toEqual([true, true]);
});

test('fault 33: a clock that jumped back a year keeps no circuit open for a year', async () => {
  await send(STRUGGLES);
  now -= YEAR_MS;
  expect(circuit.mayTry()).toBe(true);
});

test('fault 25: at random: at most a single probe is out, no wait exceeds an hour', () => {
  const report = fc.constantFrom<CircuitReport>(
    { kind: 'answered' },
    { kind: 'unsent' },
    STRUGGLES,
    { kind: 'struggles', retryAfterMs: 10 * YEAR_MS },
  );
  const step = fc.record({
    passed: fc.nat({ max: 400_000 }),
    chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
    report,
    isPressing: fc.boolean(),
  });
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      [now, kept] = [NOW, {}];
      circuit = open();
      for (const { passed, chance, report: next, isPressing } of steps) {
        now += passed;
        fraction = chance;
        if (!circuit.mayTry(isPressing)) continue;
        const wasClosed = circuit.state.kind === 'closed';
        circuit.begin();
        expect(circuit.mayTry(true)).toBe(wasClosed);
        await circuit.report(next);
        expect((circuit.dueAt() ?? now) - now).toBeLessThanOrEqual(3_600_000);
        expect(kept.circuit).toEqual(circuit.state.kind === 'open' ? circuit.state : undefined);
      }
    }),
  );
});

test.each([
  ['an answer', { kind: 'settle' }, true, 'answered'],
  ['a refusal', { kind: 'refuse' }, true, 'answered'],
  ['a missing sign-in', { kind: 'sign-in' }, true, 'answered'],
  ['trouble', { kind: 'retry', retryAfterMs: 5 }, true, 'struggles'],
  ['no network', { kind: 'retry' }, false, 'unsent'],
] as const)('%s tells of Airflow', (_name, outcome, online, told) => {
  expect(reportOf(outcome, online).kind).toBe(told);
});
