import {
  checkAirflow,
  checkAuthorization,
  checkClock,
  checkPlugin,
  checkRequestSize,
} from './airflow.ts';
import { checkBrowser } from './browser.ts';
import { checkCollections, checkSameCollections } from './collections.ts';
import { checkCors } from './cors.ts';
import { checkLive } from './live.ts';
import { checkPage, checkSecureContext } from './page.ts';
import type { Check } from './run-checks.ts';
import {
  checkCompression,
  checkCookie,
  checkHeader,
  checkSignedIn,
  checkSignIn,
  checkVersions,
} from './signed-in.ts';
import { checkPolicy, checkScope, checkWorker } from './worker.ts';

/**
 * Every check, in the order in which the findings are shown. A check needs a row here and a planted
 * fault in `planted-faults.ts`.
 */
export const CHECKS: readonly Check[] = [
  { name: 'page', run: checkPage },
  { name: 'secure-context', run: checkSecureContext },
  { name: 'worker', run: checkWorker },
  { name: 'scope', run: checkScope, needs: ['worker'] },
  { name: 'content-policy', run: checkPolicy, needs: ['page', 'worker'] },
  { name: 'collections', run: checkCollections },
  { name: 'airflow', run: checkAirflow },
  { name: 'clock', run: checkClock, needs: ['airflow'] },
  { name: 'plugin', run: checkPlugin, needs: ['airflow'] },
  { name: 'cors', run: checkCors, needs: ['airflow'] },
  { name: 'authorization', run: checkAuthorization, needs: ['plugin'] },
  { name: 'sign-in', run: checkSignIn, needs: ['plugin'] },
  { name: 'request-size', run: checkRequestSize, needs: ['plugin'] },
  { name: 'signed-in', run: checkSignedIn, needs: ['sign-in', 'authorization'] },
  { name: 'versions', run: checkVersions, needs: ['signed-in'] },
  { name: 'same-collections', run: checkSameCollections, needs: ['signed-in', 'collections'] },
  { name: 'cookie', run: checkCookie, needs: ['signed-in'] },
  { name: 'x-updraft', run: checkHeader, needs: ['cookie'] },
  { name: 'compression', run: checkCompression, needs: ['signed-in'] },
  { name: 'live', run: checkLive, needs: ['signed-in'] },
  { name: 'browser', run: checkBrowser, needs: ['page', 'secure-context', 'worker', 'airflow'] },
];
