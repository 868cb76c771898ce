import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Report } from '../load/report.ts';
import { markdown } from '../load/sizing.ts';

const docs = new URL('../../../docs/', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, docs), 'utf8');

it('docs/scaling.md has the tables of the last kept run that made some, word for word', () => {
  const runs = readdirSync(new URL('proof/', docs))
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(text(`proof/${name}`)) as Report)
    .sort((a, b) => a.at.localeCompare(b.at));
  // runs from before there were tables have none
  const tables = runs.flatMap(({ scenarios }) => scenarios.flatMap((one) => one.tables ?? []));
  const last = tables.slice(-3);
  expect(last).toHaveLength(3);
  for (const table of last) expect(text('scaling.md')).toContain(markdown(table));
});
