import { STATES, type Finding, type State } from './finding.ts';

const WIDTH = 100;
const NAME_COLUMNS_MAX = 24;
const LABELS: Readonly<Record<State, string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failed: 'FAILED',
  skipped: 'skipped',
};
const LABEL_COLUMNS = Math.max(...Object.values(LABELS).map(({ length }) => length));

/** The whole report as JSON, in the form of `airflow updraft check --json`. */
export interface Report {
  readonly version: 1;
  /** The worst state of all findings. */
  readonly state: Exclude<State, 'skipped'>;
  readonly counts: Readonly<Record<State, number>>;
  readonly findings: readonly Finding[];
}

export function toReport(findings: readonly Finding[]): Report {
  const counts = Object.fromEntries(
    STATES.map((state) => [state, findings.filter((finding) => finding.state === state).length]),
  ) as Record<State, number>;
  const state = (['failed', 'warning'] as const).find((worse) => counts[worse] > 0) ?? 'ok';
  return { version: 1, state, counts, findings };
}

/** A line a finding; under the unwell ones why that matters and how to mend it. */
export function toText({ findings, counts }: Report): string {
  const columns = Math.min(NAME_COLUMNS_MAX, Math.max(0, ...findings.map((f) => f.name.length)));
  const warnings = counts.warning === 1 ? '1 warning' : `${counts.warning} warnings`;
  const { failed, ok, skipped } = counts;
  const total = `${failed} failed, ${warnings}, ${ok} well, ${skipped} skipped`;
  return [...findings.flatMap((finding) => linesOf(finding, columns)), '', `${total}.`].join('\n');
}

function linesOf({ name, state, what, why, mend }: Finding, columns: number): string[] {
  const indent = ' '.repeat(LABEL_COLUMNS + columns + 4);
  const head = `${LABELS[state].padEnd(LABEL_COLUMNS)}  ${name.padEnd(columns)}  `;
  // A long name has a line of its own.
  const own = head.length > indent.length ? [head.trimEnd()] : [];
  return [
    ...own,
    ...wrapped(own.length > 0 ? indent : head, what, indent),
    ...(why === '' ? [] : wrapped(`${indent}why: `, why, `${indent}     `)),
    // Unbroken, so that a command can be copied.
    ...(mend === ''
      ? []
      : mend.split('\n').map((line, n) => `${indent}${n ? '      ' : 'mend: '}${line}`)),
  ];
}

function wrapped(head: string, words: string, indent: string): string[] {
  const lines: string[] = [];
  let line = head;
  let isEmpty = true;
  for (const word of words.split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
