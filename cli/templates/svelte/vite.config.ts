import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { AIRFLOW } from './src/settings.ts';

export default defineConfig({
  // As a reverse proxy does in production: app and Airflow under one origin.
  server: { proxy: { [AIRFLOW]: '__ORIGIN__' } },
  build: { target: 'es2022' },
  plugins: [
    svelte(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'sw.ts',
      injectRegister: false,
      injectManifest: { globPatterns: ['**/*.{js,css,html,svg,webmanifest}'], minify: true },
      devOptions: { enabled: true, type: 'module' },
      manifest: {
        name: '__NAME__',
        short_name: '__NAME__',
        display: 'standalone',
        theme_color: '#0b4f6c',
        background_color: '#ffffff',
        icons: [{ src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' }],
      },
    }),
  ],
});
