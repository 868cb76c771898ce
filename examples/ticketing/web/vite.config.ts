import { readFile } from 'node:fs/promises';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

const path = (name: string) => `${import.meta.dirname}/${name}`;

/** The four pages differ in their heads only: the rest of each is frame.html. */
const framed: Plugin = {
  name: 'framed',
  transformIndexHtml: {
    order: 'pre',
    handler: async (page) =>
      (await readFile(path('frame.html'), 'utf8')).replace(/<!--.*?-->/, () => page.trimEnd()),
  },
};

/** `vite build web` in examples/ticketing: the pages end in web/dist, which the gateway serves. */
export default defineConfig({
  plugins: [framed],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  // the packages of this repository, built or not
  resolve: { conditions: ['@evenkeel/source', ...defaultClientConditions] },
  build: {
    target: 'es2022',
    rollupOptions: {
      input: [
        ...['index', 'organiser', 'scanner', 'control'].map((page) => path(`${page}.html`)),
        path('src/scanner/worker.ts'),
      ],
      // a service worker keeps its name: a browser asks by it whether there is a new one
      output: {
        entryFileNames: ({ name }) =>
          name === 'worker' ? 'scanner-worker.js' : 'assets/[name]-[hash].js',
      },
    },
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
  },
  server: {
    proxy: { '/api': 'http://127.0.0.1:8080', '/ws': { target: 'ws://127.0.0.1:8080', ws: true } },
  },
});
