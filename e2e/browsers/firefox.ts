import { launch } from 'puppeteer-core';
import type { OtherBrowser } from './other-browser.ts';

/** Firefox from Debian, over WebDriver BiDi; no geckodriver. */
export async function startFirefox(executablePath: string): Promise<OtherBrowser> {
  const browser = await launch({ browser: 'firefox', executablePath, headless: true });
  const page = await browser.newPage();
  return {
    open: async (url) => void (await page.goto(url)),
    run: <T>(body: string) => page.evaluate(`(async () => { ${body} })()`) as Promise<T>,
    close: () => browser.close(),
  };
}
