import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diskCheck } from '../src/index.ts';
import { idleSignal } from './support.ts';

const MIB = 1_048_576;

/** Mounting is the super-user's: directly, or by a sudo that asks for no password. */
function asRoot(command: string, ...args: string[]) {
  const line = process.getuid?.() === 0 ? [command, ...args] : ['sudo', '-n', command, ...args];
  try {
    execFileSync(line[0] as string, line.slice(1), { stdio: 'pipe' });
  } catch (cause) {
    const says =
      'A disk that fills up is a tmpfs of 1 MiB, which only the super-user of a Linux may mount';
    throw new Error(
      `${says}: run the tests as root, or as a user whose sudo asks for no password.`,
      { cause },
    );
  }
}

async function smallDisk(options = 'size=1m,mode=1777') {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-disk-'));
  asRoot('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', folder);
  return {
    folder,
    async [Symbol.asyncDispose]() {
      asRoot('umount', folder);
      await rm(folder, { recursive: true });
    },
  };
}

describe('diskCheck on a disk of 1 MiB', () => {
  test('passes while there is room, fails when it is full, passes again when it is cleared', async () => {
    await using disk = await smallDisk();
    const source = diskCheck(disk.folder);
    expect(await source.check(idleSignal)).toEqual({
      freeBytes: MIB,
      totalBytes: MIB,
      freeRatio: 1,
    });
    await expect(writeFile(join(disk.folder, 'log'), Buffer.alloc(2 * MIB))).rejects.toThrow(
      'ENOSPC',
    );
    await expect(async () => source.check(idleSignal)).rejects.toThrow(
      '0 of the disk is free, required 0.05',
    );
    // Asked for no room at all, it still has to be able to write.
    const careless = diskCheck(disk.folder, { minFreeRatio: 0 });
    await expect(async () => careless.check(idleSignal)).rejects.toThrow('ENOSPC');
    await rm(join(disk.folder, 'log'));
    expect(await source.check(idleSignal)).toMatchObject({ freeRatio: 1 });
    expect(await readdir(disk.folder)).toEqual([]);
  });

  test('fails by bytes, and when the inodes are used up', async () => {
    await using disk = await smallDisk('size=1m,nr_inodes=20,mode=1777');
    const source = diskCheck(disk.folder, { minFreeBytes: 2 * MIB });
    await expect(async () => source.check(idleSignal)).rejects.toThrow(
      'bytes of the disk are free, required 2097152',
    );
    for (let file = 0; file < 19; file++) await writeFile(join(disk.folder, `${file}`), '');
    await expect(async () => diskCheck(disk.folder).check(idleSignal)).rejects.toThrow(
      '0 of 20 inodes',
    );
  });

  test('a disk that turned read-only has all its room left, and fails', async () => {
    await using disk = await smallDisk();
    asRoot('mount', '-o', 'remount,ro', disk.folder);
    await expect(async () => diskCheck(disk.folder).check(idleSignal)).rejects.toThrow('EROFS');
  });
});

test('a folder that is not there fails; options that make no sense are refused', async () => {
  await expect(async () => diskCheck('/not/there').check(idleSignal)).rejects.toThrow('ENOENT');
  expect(() => diskCheck('')).toThrow('`folder` not to be empty');
  expect(() => diskCheck('/tmp', { minFreeRatio: 5 })).toThrow('`minFreeRatio` in [0, 1], got 5');
  expect(() => diskCheck('/tmp', { minFreeBytes: Number.NaN })).toThrow('`minFreeBytes`');
});
