import { readFile } from 'node:fs/promises';
import { readCollections, type Declarations } from '../../shared/collections.ts';
import { failed, ok, skipped, type Verdict, type Verdicts } from './finding.ts';
import { isPage, type Answer } from './http.ts';
import { obstacle } from './page.ts';
import { detailOf, type Site } from './site.ts';

const WORKER = '/updraft-sw.js';
const WHY = 'the worker does not start, or keeps an older copy: new collections are unknown';

/** `collections.json` is there, and the worker takes it: the worker's own judge reads it. */
export async function* checkCollections(site: Site): Verdicts {
  const place = await site.collections();
  if (place === undefined) {
    yield skipped('built into the app’s own worker: name the file, --collections collections.json');
    return;
  }
  if (!/^https?:/.test(place)) {
    yield* fileVerdict(place);
    return;
  }
  const reply = await site.get(place);
  const hindered = obstacle(reply, place, WHY);
  yield hindered ?? answerVerdict(reply as Answer, place);
}

async function* fileVerdict(file: string): Verdicts {
  try {
    yield judged(await readFile(file, 'utf8'), file);
  } catch (error) {
    yield failed(`${file} cannot be read: ${(error as Error).message}`, WHY, 'name another file');
  }
}

function answerVerdict(answer: Answer, place: string): Verdict {
  const { status } = answer;
  const { pathname } = new URL(place);
  if (status >= 500)
    return failed(
      `${place} answers ${status}`,
      WHY,
      `curl -i '${place}'   (then the server's log)`,
    );
  if (status !== 200) {
    const mend = `deploy it at ${pathname}   (or name its place: ${WORKER}?collections=…)`;
    return failed(`${place} answers ${status}`, WHY, mend);
  }
  if (isPage(answer)) {
    const what = `${place} is a page, not JSON: the server answers unknown paths with the app`;
    return failed(what, WHY, `deploy collections.json at ${pathname}`);
  }
  return judged(answer.text, place);
}

function judged(text: string, place: string): Verdict {
  const mend =
    'mend the file; its JSON Schema shows mistakes in an editor: ' +
    '"$schema": "node_modules/airflow-updraft/shared/contract/collections.schema.json"';
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    return failed(`${place} is not JSON: ${(error as Error).message}`, WHY, mend);
  }
  try {
    const names = Object.keys(readCollections(file));
    return ok(`${names.length} declared: ${names.join(', ')}`);
  } catch (error) {
    return failed((error as Error).message, WHY, mend);
  }
}

/** The declarations of a file that `checkCollections` found well. */
async function declarationsOf(site: Site): Promise<Declarations> {
  const place = (await site.collections()) ?? '';
  if (!/^https?:/.test(place)) return readCollections(JSON.parse(await readFile(place, 'utf8')));
  const reply = await site.get(place);
  return readCollections(reply.kind === 'answer' ? reply.json : undefined);
}

/** App and Airflow declare equal collections. */
export async function* checkSameCollections(site: Site): Verdicts {
  const [here, hello] = await Promise.all([
    declarationsOf(site),
    site.askAirflow('/updraft/v1/hello', { headers: { authorization: `Bearer ${site.token}` } }),
  ]);
  if (hello.kind !== 'answer' || hello.status !== 200) {
    yield skipped(hello.kind === 'answer' ? detailOf(hello).words : hello.words);
    return;
  }
  const there = Object(Object(hello.json).collections) as Record<string, { write?: string }>;
  const names = (from: object, than: object): string[] =>
    Object.keys(from).filter((name) => !Object.hasOwn(than, name));
  // Airflow does not tell of a collection that no device may read.
  const lacking = names(here, there).filter((name) => here[name]?.read !== 'none');
  const more = names(there, here);
  const readOnly = Object.keys(here).filter(
    (name) => here[name]?.write !== 'none' && there[name]?.write === 'none',
  );
  for (const name of lacking) {
    const why = 'each change that is captured into it is refused, and waits as a dead letter';
    const mend = 'export AIRFLOW__UPDRAFT__COLLECTIONS=…   (the newer file; restart what reads it)';
    yield failed(`Airflow does not declare ${name}`, why, mend, name);
  }
  for (const name of readOnly) {
    const why = 'each change that is captured into it is refused, and waits as a dead letter';
    const mend = 'deploy one collections.json, to Airflow first and then to the app';
    yield failed(`Airflow lets no device write ${name}, and the app does`, why, mend, name);
  }
  const other = more.length > 0 ? `; Airflow has others, too: ${more.join(', ')}` : '';
  if (lacking.length + readOnly.length === 0)
    yield ok(`Airflow declares what the app does${other}`);
}
