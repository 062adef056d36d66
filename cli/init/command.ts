import { parseArgs } from 'node:util';
import { UsageError, type Output } from '../usage.ts';
import { airflowOf, collectionOf, TEMPLATES, templateOf } from './choices.ts';
import { scaffold } from './scaffold.ts';

export const INIT_USAGE = `airflow-updraft init <folder> [options]

Makes a new app with TypeScript and Vite that works without a network, in a folder that is empty or
is not there yet. What an option names is not asked for.

  --template NAME      ${TEMPLATES.join(', ')}
  --airflow URL        Airflow for the development server (http://localhost:8080/airflow)
  --collection NAME    the first collection (inspections)
  --package SPEC       airflow-updraft from somewhere else than the registry (file:….tgz)

Exit status: 0 made, 1 the folder is not empty, 2 called wrongly.`;

const OPTIONS = {
  template: { type: 'string' },
  airflow: { type: 'string' },
  collection: { type: 'string' },
  package: { type: 'string' },
} as const;

/** Makes a new app; returns the exit status. */
export async function init(args: readonly string[], output: Output): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  const [folder, ...more] = positionals;
  if (folder === undefined) throw new UsageError('name the folder of the new app.');
  if (more.length > 0) throw new UsageError(`there is one folder only, not "${more.join(' ')}".`);
  const choose = async (given: string | undefined, question: string, usual: string) =>
    given ?? ((await output.ask?.(`${question} (${usual}) `))?.trim() || usual);
  const template = templateOf(
    await choose(values.template, `Template: ${TEMPLATES.join(', ')}?`, 'vanilla'),
  );
  const airflow = airflowOf(
    await choose(values.airflow, 'Airflow?', 'http://localhost:8080/airflow'),
  );
  const collection = collectionOf(
    await choose(values.collection, 'Name of the first collection?', 'inspections'),
  );
  const updraft = values.package;
  scaffold({ folder, template, airflow, collection, ...(updraft ? { updraft } : {}) });
  output.write(`${folder} is made, of the template ${template}. Next:

  cd ${folder}
  npm install
  npm run dev

Airflow needs ${folder}/src/collections.json and airflow-provider-updraft (docs/install.md).`);
  return 0;
}
