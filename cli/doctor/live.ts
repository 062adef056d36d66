import { createBrotliDecompress, createGunzip } from 'node:zlib';
import type { IncomingMessage } from 'node:http';
import { failed, ok, skipped, type Verdicts } from './finding.ts';
import { encodingOf, noAnswer, open, type NoAnswer } from './http.ts';
import type { Site } from './site.ts';

const WHY = 'open pages learn of news by polling alone, and streams pile up';
const MEND =
  'proxy_buffering off;   (nginx, at Airflow’s location; and no gzip of application/x-ndjson)';

/** The stream of news comes line by line, held back by nobody on the way. */
export async function* checkLive(site: Site): Verdicts {
  const first = await firstLine(site);
  if (first.kind === 'none') {
    yield failed(`the live stream gives no line: ${first.words}`, WHY, MEND);
    return;
  }
  if (first.status !== 200) {
    yield skipped(`the live stream is answered ${first.status}`);
    return;
  }
  if (!first.line.includes('"heads"')) {
    yield failed('the live stream gives no heads', WHY, MEND);
    return;
  }
  yield ok('the live stream comes line by line');
}

type First = NoAnswer | { readonly kind: 'line'; readonly status: number; readonly line: string };

async function firstLine(site: Site): Promise<First> {
  const url = `${await site.airflow()}/updraft/v1/live`;
  try {
    const { lookup } = site.options;
    const message = await open(url, {
      patienceMs: site.options.livePatienceMs ?? site.patienceMs,
      headers: { 'x-updraft': '1', authorization: `Bearer ${site.token}` },
      ...(lookup ? { lookup } : {}),
    });
    const status = message.statusCode ?? 0;
    try {
      return { kind: 'line', status, line: status === 200 ? await lineOf(message) : '' };
    } finally {
      message.destroy();
    }
  } catch (error) {
    return noAnswer(url, error);
  }
}

async function lineOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of unpacked(message)) {
    text += String(part);
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'));
  }
  return text;
}

function unpacked(message: IncomingMessage): NodeJS.ReadableStream {
  const encoding = encodingOf(message);
  if (encoding === 'identity') return message;
  const stream = encoding === 'br' ? createBrotliDecompress() : createGunzip();
  message.on('error', (error) => stream.destroy(error));
  return message.pipe(stream);
}
