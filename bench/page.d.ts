import type { BenchPage } from './app/page.ts';

declare global {
  interface Window {
    readonly bench: BenchPage;
  }
}
