import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository's top folder. */
export const root = join(import.meta.dirname, '..');

export type Package = {
  /** Folder name, such as `soft-hold`. */
  folder: string;
  /** npm name, such as `@evenkeel/soft-hold`. */
  name: string;
  version: string;
  /** Absolute path of the package. */
  path: string;
};

/** Every published package of the repository, by folder name. */
export function packages(): Package[] {
  return readdirSync(join(root, 'packages')).map((folder) => {
    const path = join(root, 'packages', folder);
    const { name, version } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    return { folder, name, version, path };
  });
}
