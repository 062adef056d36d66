export type { Resolver, ResolverByCollection } from './declarations/resolvers.ts';
export type { UpdraftOptions } from './options/options.ts';
export type { NoticeKind, NoticeText, NoticeTexts } from './notices/notices.ts';
export { startUpdraft } from './service-worker.ts';
