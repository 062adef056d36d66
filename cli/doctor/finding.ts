/** States of a finding, as `airflow updraft check` names them. */
export const STATES = ['failed', 'warning', 'ok', 'skipped'] as const;
export type State = (typeof STATES)[number];

/** A check's answer. `about` names the method, header or collection where there are several. */
export interface Verdict {
  readonly state: State;
  readonly what: string;
  readonly why: string;
  readonly mend: string;
  readonly about: string;
}

/** Verdicts are given one by one: a part of the site may hang after the first. */
export type Verdicts = AsyncGenerator<Verdict, void, undefined>;

/** A verdict with the name of its check, as people and scripts read it. */
export type Finding = { readonly name: string } & Omit<Verdict, 'about'>;

/** A verdict that asks nobody to do anything. */
export const ok = (what: string, about = ''): Verdict => verdict('ok', what, '', '', about);

/** A verdict about a site that works, and will not for long, or not for everybody. */
export const warning = (what: string, why: string, mend: string, about = ''): Verdict =>
  verdict('warning', what, why, mend, about);

/** A verdict about a site that does not work; `mend` is a command or a line where possible. */
export const failed = (what: string, why: string, mend: string, about = ''): Verdict =>
  verdict('failed', what, why, mend, about);

/** A verdict about a question that was not asked. */
export const skipped = (why: string, about = ''): Verdict => verdict('skipped', why, '', '', about);

const verdict = (
  state: State,
  what: string,
  why: string,
  mend: string,
  about: string,
): Verdict => ({ state, what, why, mend, about });
