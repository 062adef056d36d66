/**
 * A browser as shipped by the vendor, driven without Playwright: a single tab, and scripts that run
 * in the tab.
 */
export interface OtherBrowser {
  readonly open: (url: string) => Promise<void>;
  /** Runs the body of an async function in the page and returns the result, as JSON. */
  readonly run: <T>(body: string) => Promise<T>;
  readonly close: () => Promise<void>;
}
