import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packages, root } from './packages.ts';

const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

test('docs/errors.md lists every error code of the packages and no other', () => {
  const thrown = packages().flatMap(({ path }) =>
    readdirSync(join(path, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap(
        (file) => readFileSync(join(path, 'src', file), 'utf8').match(/\bERR_[A-Z_]+\b/g) ?? [],
      ),
  );
  const listed = read('docs/errors.md').match(/\bERR_[A-Z_]+\b/g) ?? [];
  expect([...new Set(listed)].sort()).toEqual([...new Set(thrown)].sort());
});

test('the README stays within 150 lines', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(151);
});
