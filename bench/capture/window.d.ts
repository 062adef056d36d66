import type { CaptureBench } from './page.ts';

declare global {
  interface Window {
    readonly captureBench: CaptureBench;
  }
}
