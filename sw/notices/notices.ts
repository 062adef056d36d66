import type { Status } from '../../shared/status.ts';

/** The kinds of notices, shown to a person while no page of the app is in view. */
export type NoticeKind = 'conflict' | 'dead-letter' | 'sign-in' | 'all-sent';

export interface NoticeText {
  readonly title: string;
  readonly body?: string;
}

/**
 * The words of each notice, made by the app in its own language. `count`: how many are waiting, or
 * for `all-sent` how many were sent.
 */
export type NoticeTexts = Readonly<Record<NoticeKind, (count: number) => NoticeText>>;

/** The browser's means to notify a person from a worker. */
export interface Surface {
  /** Whether a page of the app is in view: the page then tells the person without a notice. */
  readonly isSeen: () => Promise<boolean>;
  /**
   * Shows a notification, replacing an earlier notification of the same kind. Does nothing without
   * the person's permission.
   */
  readonly show: (kind: NoticeKind, text: NoticeText) => Promise<void>;
  /** Sets the number on the app's icon; 0 removes the number. */
  readonly badge: (count: number) => Promise<void>;
}

const changes = (count: number): string => (count === 1 ? '1 change' : `${count} changes`);

export const DEFAULT_TEXTS: NoticeTexts = {
  conflict: (count) => ({
    title: 'A decision is needed',
    body: `${changes(count)} of yours met another. Open the app to decide.`,
  }),
  'dead-letter': (count) => ({
    title: 'Airflow refused a change',
    body: `${changes(count)} cannot go on. Open the app to see why.`,
  }),
  'sign-in': (count) => ({
    title: 'Sign in to go on',
    body: `${changes(count)} wait on this device until you have signed in.`,
  }),
  'all-sent': (count) => ({ title: 'All sent', body: `${changes(count)} arrived in Airflow.` }),
};

/**
 * Derives notifications and badge from each status and the status before. Decides nothing else; a
 * failure only leaves a notice out.
 */
export class Notices {
  readonly #surface: Surface;
  readonly #texts: NoticeTexts;
  readonly #before = new Map<string, Status>();
  /** The highest number of unsent changes since everything was sent, for each user. */
  readonly #most = new Map<string, number>();
  #badge: number | undefined;

  constructor(surface: Surface, texts: Partial<NoticeTexts> = {}) {
    this.#surface = surface;
    this.#texts = { ...DEFAULT_TEXTS, ...texts };
  }

  /** Shows the news of this status. */
  async status(status: Status): Promise<void> {
    const { user } = status;
    const unsent = unsentOf(status);
    const before = this.#before.get(user);
    const most = Math.max(this.#most.get(user) ?? 0, unsent);
    this.#before.set(user, status);
    this.#most.set(user, unsent === 0 ? 0 : most);
    const total = [...this.#before.values()].reduce((sum, one) => sum + unsentOf(one), 0);
    if (total !== this.#badge) await this.#surface.badge((this.#badge = total));
    const news = before ? newsOf(before, status, most) : [];
    if (news.length === 0 || (await this.#surface.isSeen())) return;
    for (const { kind, count } of news) await this.#surface.show(kind, this.#texts[kind](count));
  }
}

/** Changes and calls that are not in Airflow yet. */
const unsentOf = ({ unsent, pendingCalls }: Status): number => unsent + pendingCalls;

function newsOf(
  before: Status,
  now: Status,
  sent: number,
): { readonly kind: NoticeKind; readonly count: number }[] {
  const needsSignIn = ({ waiting }: Status): boolean =>
    waiting?.for === 'sign-in' || waiting?.for === 'other-user';
  return [
    ...(now.conflicts > before.conflicts
      ? [{ kind: 'conflict' as const, count: now.conflicts }]
      : []),
    ...(now.deadLetters > before.deadLetters
      ? [{ kind: 'dead-letter' as const, count: now.deadLetters }]
      : []),
    ...(needsSignIn(now) && !needsSignIn(before) && unsentOf(now) > 0
      ? [{ kind: 'sign-in' as const, count: unsentOf(now) }]
      : []),
    ...(unsentOf(now) === 0 && unsentOf(before) > 0
      ? [{ kind: 'all-sent' as const, count: sent }]
      : []),
  ];
}
