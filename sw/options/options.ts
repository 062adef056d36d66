import type { TransportName } from '../../shared/limits.ts';
import type { CallsAllowed } from '../calls/operations.ts';
import type { ResolverByCollection } from '../declarations/resolvers.ts';
import type { SurfaceOptions } from '../notices/browser-surface.ts';
import type { NoticeTexts } from '../notices/notices.ts';
import type { SettledRuns } from '../transport/transport.ts';

/** The worker's options. */
export interface UpdraftOptions {
  /** Path (same origin) or URL of the Airflow API server, for instance `/airflow`. */
  readonly airflow: string;
  /** The parsed `collections.json`, or a promise of the file's content. */
  readonly collections: unknown;
  /**
   * The transport of exchanges: `auto` (default) uses the provider's plugin, and DAG runs where
   * Airflow has no plugin; `plugin` and `dag` use that transport alone. A collection with the rule
   * `own` travels by the plugin only.
   */
  readonly transport?: 'auto' | TransportName;
  /**
   * Whether an exchange's DAG run is kept once settled: `keep` (default), or `delete`, where the
   * user may delete runs. Conf and XCom, which others with rights on the DAG can read, then last no
   * longer than reading the answer takes (Airflow's audit log keeps its copy of conf). Rows then
   * name no run.
   */
  readonly settledRuns?: SettledRuns;
  /** The app's version, shown with each device on Airflow's page “Updraft”. */
  readonly appVersion?: string;
  /**
   * Notifies the person while no page of the app is in view: conflicts, refused changes, a required
   * sign-in, all sent. Off by default. The page asks for the permission
   * (`Notification.requestPermission()`); `texts` are the app's own words.
   */
  readonly notifications?: boolean | (SurfaceOptions & { readonly texts?: Partial<NoticeTexts> });
  /**
   * The Airflow operations that pages may queue, each for the named DAGs or for all (`true`): `{
   * triggerDagRun: ['nightly_report'], respondToHumanInput: true }`. None by default.
   */
  readonly calls?: CallsAllowed;
  /**
   * Decides conflicts of a collection in a person's place: `{ counts: ({ fields }) => … }`. A
   * resolver that returns nothing, throws, or takes over a second leaves the conflict to a person.
   */
  readonly resolvers?: ResolverByCollection;
  /** `debug` also logs each step; nothing ever logs credentials or record contents. */
  readonly log?: 'error' | 'info' | 'debug';
}
