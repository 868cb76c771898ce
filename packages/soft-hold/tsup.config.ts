import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.ts';

const index = { index: 'src/index.ts' };
const parts = {
  prometheus: 'src/prometheus.ts',
  'waiting-room': 'src/waiting-room/index.ts',
  'waiting-room-status': 'src/waiting-room/status.ts',
};

// the types of the main entry in one file of their own: it is the API report
export default defineConfig([
  { ...base, entry: { ...index, ...parts }, dts: { ...(base.dts as object), entry: index } },
  { ...base, entry: parts, dts: { ...(base.dts as object), only: true }, clean: false },
  {
    ...base,
    entry: { cli: 'src/cli/evenkeel-hold.ts' },
    ...{ format: ['esm'], dts: false, clean: false },
  },
]);
