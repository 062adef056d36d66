import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../../scripts/lib/ports.mjs';
import { eventually } from '../support/eventually.ts';
import { portOf } from '../support/lane.ts';
import type { OtherBrowser } from './other-browser.ts';

const SCRIPT_MS_MAX = 90_000;

/** WebKitGTK's MiniBrowser by WebKit's WebDriver, on a separate display. */
export async function startWebKit({
  driver,
  miniBrowser,
  xvfb,
}: {
  driver: string;
  miniBrowser: string;
  xvfb: string;
}): Promise<OtherBrowser> {
  const display = spawn(xvfb, ['-displayfd', '3', '-screen', '0', '1100x900x24'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await displayNumber(display);
  const port = await freePort(portOf('webDriver'));
  const server = spawn(driver, [`--port=${port}`], {
    env: { ...process.env, DISPLAY: `:${number}` },
    stdio: 'ignore',
  });
  const command = commandsOf(`http://127.0.0.1:${port}`);
  const end = async (): Promise<void> => {
    for (const child of [server, display]) if (child.kill()) await once(child, 'exit');
  };
  try {
    await eventually(
      () =>
        command('GET', '/status').then(
          () => true,
          () => false,
        ),
      'the WebDriver answers',
    ).toBe(true);
    const capabilities = {
      alwaysMatch: { 'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] } },
    };
    const { sessionId } = (await command('POST', '/session', { capabilities })) as {
      sessionId: string;
    };
    const session = `/session/${sessionId}`;
    await command('POST', `${session}/timeouts`, { script: SCRIPT_MS_MAX });
    return {
      open: async (url) => void (await command('POST', `${session}/url`, { url })),
      run: async <T>(body: string) =>
        (await command('POST', `${session}/execute/async`, {
          script: asyncScript(body),
          args: [],
        })) as T,
      close: async () => {
        await command('DELETE', session).catch(() => undefined);
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Returns the number of a free display, which the server chooses and prints. */
async function displayNumber(display: ChildProcess): Promise<number> {
  const told = display.stdio[3];
  if (!told) throw new Error('Xvfb cannot say which display it has.');
  const [line] = (await once(told, 'data')) as [Buffer];
  return Number(line.toString());
}

/** Wraps a script so that a failure comes back as text: WebDriver's own way loses the text. */
const asyncScript = (body: string): string =>
  `const done = arguments[arguments.length - 1];
   const failed = (error) => done({ error: String(error) });
   (async () => { ${body} })().then((value) => done({ value }), failed);`;

/** The few W3C WebDriver commands that the tests need. */
function commandsOf(
  url: string,
): (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<unknown> {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(SCRIPT_MS_MAX),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const { value } = (await response.json()) as { value: unknown };
    if (!response.ok)
      throw new Error(`WebDriver refused ${method} ${path}: ${JSON.stringify(value)}`);
    if (!path.endsWith('/execute/async')) return value;
    const result = value as { value?: unknown; error?: string };
    if (result.error !== undefined) throw new Error(result.error);
    return result.value;
  };
}
