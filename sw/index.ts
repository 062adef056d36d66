export { startUpdraft, type UpdraftOptions } from './service-worker.ts';
