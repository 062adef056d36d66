/** A browser that Playwright does not drive as its people ship it: one tab, and scripts run in it. */
export interface OtherBrowser {
  readonly open: (url: string) => Promise<void>;
  /** Runs the body of an async function in the page and returns what it returns, as JSON. */
  readonly run: <T>(body: string) => Promise<T>;
  readonly close: () => Promise<void>;
}
