import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.ts';

// p-limit 7 is ESM-only: bundled, so that the CommonJS build works
export default defineConfig({ ...base, noExternal: ['p-limit', 'yocto-queue'] });
