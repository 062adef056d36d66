export type { NoticeKind, NoticeText, NoticeTexts } from './notices.ts';
export { startUpdraft, type UpdraftOptions } from './service-worker.ts';
