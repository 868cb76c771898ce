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
  const made = runs.flatMap(({ scenarios }) => scenarios.map(({ tables = [] }) => tables));
  const last = made.filter((tables) => tables.length > 0).at(-1) ?? [];
  expect(last).not.toEqual([]);
  for (const table of last) expect(text('scaling.md')).toContain(markdown(table));
});
