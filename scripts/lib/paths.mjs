// Paths. All state of the scripts is in an ignored folder of the checkout.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
export const stateRoot = join(root, '.updraft');
/** UPDRAFT_AIRFLOW=3.1: the oldest supported Airflow, instead of the newest. */
const release = process.env['UPDRAFT_AIRFLOW'] === '3.1' ? '-3.1' : '';
export const venv = join(stateRoot, `venv${release}`);
export const python = join(venv, 'bin', 'python');
export const provider = join(root, 'provider');
export const lockFile = join(provider, `requirements${release}.lock`);
export const collectionsFile = join(root, 'demo', 'collections.json');
export const demoDist = join(root, 'dist', 'demo');
export const defaultState = join(stateRoot, 'airflow');

/** Returns the path of a tool that npm installed. @param {string} name */
export const bin = (name) => join(root, 'node_modules', '.bin', name);
