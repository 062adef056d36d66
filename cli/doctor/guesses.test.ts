import { expect, test } from 'vitest';
import { airflowNamedIn, scriptsOf, workersNamedIn } from './guesses.ts';

test.each([
  ['written out', "startUpdraft({ airflow: '/air', collections });", '/air'],
  ['minified', 'mt({airflow:`/air`,collections:e})', '/air'],
  ['another origin', 'mt({airflow:"https://air.example",collections:e})', 'https://air.example'],
  ['by a variable', 'const a=1,$t=`/air`;mt({airflow:$t,collections:e})', '/air'],
  ['not at all', 'const o={airflow:!0,collections:!0};', undefined],
])('Airflow’s path in a worker: %s', (_, text, path) => {
  expect(airflowNamedIn(text)).toBe(path);
});

test.each([
  ['an option of connect()', 'connect({worker:`/deep/sw.js`,user:e})', ['/deep/sw.js']],
  ['a registration', "navigator.serviceWorker.register('/my-worker.js')", ['/my-worker.js']],
  [
    'the development server’s, and the built one',
    'worker:D?`/dev-sw.js?dev-sw`:`/sw.js`',
    ['/dev-sw.js?dev-sw', '/sw.js'],
  ],
  [
    'the prebuilt one with its parameters, in a page',
    '"/updraft-sw.js?airflow=/air&amp;collections=/c.json"',
    ['/updraft-sw.js?airflow=/air&collections=/c.json'],
  ],
  ['none', 'const a = 1;', []],
])('the worker in a page: %s', (_, text, addresses) => {
  expect(workersNamedIn(text)).toEqual(addresses);
});

test('only scripts of the page’s own origin are looked at', () => {
  const html =
    '<link rel="modulepreload" href="/a.js"><script src="b.mjs"></script>' +
    '<script src="https://cdn.example/c.js"></script><link rel="stylesheet" href="d.css">';
  expect(scriptsOf(html, new URL('https://field.example/app/'))).toEqual([
    'https://field.example/a.js',
    'https://field.example/app/b.mjs',
  ]);
});
