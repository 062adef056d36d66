/** A captured record, about 200 bytes of JSON: an ordinary inspection. */
export interface BenchRecord {
  readonly id: string;
  readonly site: string;
  readonly status: 'ok' | 'watch' | 'fail';
  readonly reading: number;
  readonly visits: number;
  readonly note: string;
  readonly inspected_on: string;
}

const STATUSES = ['ok', 'watch', 'fail'] as const;

const twoDigits = (n: number): string => String(n).padStart(2, '0');

/** Returns equal records for every route; only the prefix of the ids differs. */
export const recordsOf = (prefix: string, count: number): BenchRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `${prefix}${String(n).padStart(6, '0')}`,
    site: `site-${n % 97}`,
    status: STATUSES[n % 3] ?? 'ok',
    reading: (n * 7919) % 1000,
    visits: 1,
    note:
      `Visit ${n}: door ${n % 12} closed, gauge ${(n * 31) % 400} read twice, ` +
      'nothing else to report.',
    inspected_on: `2026-${twoDigits((n % 12) + 1)}-${twoDigits((n % 28) + 1)}`,
  }));
