// Serves the built demo inside a network namespace until the input ends: node serve-inside.mjs
// AIRFLOW_URL FOLDER
import { serveDemo } from '../../scripts/lib/serve.mjs';

const [airflowUrl = '', dir = ''] = process.argv.slice(2);
const { url } = await serveDemo({ airflowUrl, dir });
process.stdout.write(`${url}\n`);
process.stdin.resume().on('end', () => process.exit(0));
