import type { Options } from 'tsup';

/** One build for every package: dual ESM/CJS for Node 20, with types and source maps. */
export const base: Options = {
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  // tsup 8 sets baseUrl, which TypeScript 6 deprecates
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  sourcemap: true,
  clean: true,
  splitting: true, // sub-path exports must share one copy of each class, in CommonJS too
};
