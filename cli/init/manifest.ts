import type { Template } from './choices.ts';
import type { OwnPackage } from './package-root.ts';

const TOOLS = [
  'fake-indexeddb',
  'json-schema-to-typescript',
  'typescript',
  'vite',
  'vite-plugin-pwa',
  'vitest',
  'workbox-precaching',
  'workbox-routing',
];

/** Packages that a template needs beside the tools of all. */
const OF_TEMPLATE: Readonly<
  Record<Template, { readonly uses: readonly string[]; readonly tools: readonly string[] }>
> = {
  vanilla: { uses: [], tools: [] },
  react: { uses: ['react', 'react-dom'], tools: ['@types/react', '@types/react-dom'] },
  vue: { uses: ['vue'], tools: ['@vitejs/plugin-vue'] },
  svelte: { uses: ['svelte'], tools: ['@sveltejs/vite-plugin-svelte'] },
};

/**
 * Returns the `package.json` of a new app. Versions are those that this package is tested with.
 * @param updraft what the app depends on as `airflow-updraft`
 */
export function manifestOf(
  name: string,
  template: Template,
  updraft: string,
  own: OwnPackage,
): object {
  const { uses, tools } = OF_TEMPLATE[template];
  return {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    scripts: {
      dev: 'vite',
      build: 'tsc && tsc -p tsconfig.sw.json && vite build',
      preview: 'vite preview',
      test: 'vitest run',
      types: 'updraft-types src/collections.json src/collections.ts',
      doctor: 'airflow-updraft doctor http://localhost:4173/ --collections src/collections.json',
    },
    dependencies: { 'airflow-updraft': updraft, ...versionsOf(uses, own) },
    devDependencies: versionsOf([...TOOLS, ...tools].sort(), own),
  };
}

function versionsOf(names: readonly string[], own: OwnPackage): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const version = own.devDependencies[name] ?? own.dependencies[name];
      if (version === undefined) throw new Error(`airflow-updraft is tested with no ${name}`);
      return [name, version];
    }),
  );
}
