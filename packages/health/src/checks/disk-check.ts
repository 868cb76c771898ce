import { randomUUID } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckSource } from '../check.ts';
import { knownOptions } from '../known-options.ts';
import { requireNumber, requireText } from '../options.ts';

/** How much room there must be. */
export interface DiskCheckOptions {
  /** Free part that must be left, in [0, 1], of bytes and of inodes; default 0.05. */
  readonly minFreeRatio?: number;
  /** Free bytes that must be left besides; default 0. */
  readonly minFreeBytes?: number;
}

/** A quota, or a file system that an error has made read-only, shows only when one writes. */
const PROBE = Buffer.alloc(4_096, 'evenkeel');

/**
 * Looks for free bytes and inodes where `folder` is, then writes a file of 4 KiB there and removes it again.
 * Scope `local`. Resolves with `{ freeBytes, totalBytes, freeRatio }`; free is what this user may still take.
 * @throws TypeError when `folder` is not a string, RangeError when an option is out of range.
 */
export function diskCheck(folder: string, options: DiskCheckOptions = {}): CheckSource {
  requireText('folder', folder, /\S/, 'not to be empty');
  knownOptions(options, { minFreeRatio: true, minFreeBytes: true });
  const minFreeRatio = requireNumber('minFreeRatio', options.minFreeRatio ?? 0.05, 0, 1);
  const minFreeBytes = requireNumber('minFreeBytes', options.minFreeBytes ?? 0, 0);
  return {
    name: 'disk',
    scope: 'local',
    async check(signal) {
      const { bsize, blocks, bavail, files, ffree } = await statfs(folder);
      const freeBytes = bavail * bsize;
      const freeRatio = blocks === 0 ? 1 : Math.round((bavail / blocks) * 1_000) / 1_000;
      if (blocks > 0 && bavail < minFreeRatio * blocks) {
        throw new Error(`${freeRatio} of the disk is free, required ${minFreeRatio}`);
      }
      if (freeBytes < minFreeBytes) {
        throw new Error(`${freeBytes} bytes of the disk are free, required ${minFreeBytes}`);
      }
      // Some file systems have no fixed number of inodes, and say 0.
      if (files > 0 && ffree < minFreeRatio * files) {
        throw new Error(`${ffree} of ${files} inodes are free, required ${minFreeRatio} of them`);
      }
      const probe = join(folder, `.evenkeel-${randomUUID()}`);
      try {
        await writeFile(probe, PROBE, { flag: 'wx', signal });
      } finally {
        await rm(probe, { force: true });
      }
      return { freeBytes, totalBytes: blocks * bsize, freeRatio };
    },
  };
}
