import { chown, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

// What a base backup leaves out; the folders themselves must be there.
const NOT_COPIED =
  /^(postmaster\.(pid|opts)|(pg_wal|pg_replslot|pg_dynshmem|pg_stat_tmp|pg_subtrans)\/.*)$/;

/**
 * Copies a running primary's data as `pg_basebackup` does, which the npm binaries lack, and makes the copy a
 * standby. The log since the start of the copy comes by streaming.
 *
 * @see https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
 */
export async function copyPrimary(
  url: string,
  primary: string,
  data: string,
  user: { uid: number; gid: number } | undefined,
): Promise<void> {
  const own = async (path: string) => {
    if (user) await chown(path, user.uid, user.gid);
  };
  await mkdir(data, { mode: 0o700 });
  await own(data);
  const { default: pg } = await import('pg'); // few who import this module need a replica
  // The session that starts the backup must be the one that ends it.
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("SELECT pg_backup_start('replica', true)");
    for (const entry of await readdir(primary, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      const name = relative(primary, from);
      if (NOT_COPIED.test(name)) continue;
      const to = join(data, name);
      if (entry.isDirectory()) await mkdir(to, { mode: 0o700 });
      else if (!(await copied(from, to))) continue;
      await own(to);
    }
    const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(false)');
    for (const [name, text] of [
      ['backup_label', rows[0].labelfile],
      ['standby.signal', ''],
    ]) {
      await writeFile(join(data, name), text);
      await own(join(data, name));
    }
  } finally {
    await client.end();
  }
}

/** A table can be dropped while the copy is made: its file is then gone, and the log says so too. */
async function copied(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
