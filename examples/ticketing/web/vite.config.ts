import { defaultClientConditions, defineConfig } from 'vite';

const path = (name: string) => `${import.meta.dirname}/${name}`;

/** `vite build web` in examples/ticketing: the pages end in web/dist, which the gateway serves. */
export default defineConfig({
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
