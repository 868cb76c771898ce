import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, textOf } from './backend-error.ts';
import { removeFolder, temporaryFolder, untilRemoved } from './reaper.ts';
import { runCommand } from './run-command.ts';
import { type Log, requireProgram, type SystemProgram } from './system-package.ts';

export const KAFKA_VERSION = '4.3.1';
const maven: SystemProgram = {
  name: 'Maven, which downloads Kafka,',
  commands: ['mvn'],
  packages: { 'apt-get': ['maven'], dnf: ['maven'], apk: ['maven'], brew: ['maven'] },
  otherwise: 'start Docker, or set KAFKA_BROKERS',
};
const LOCK_TIMEOUT_MS = 180_000;
const LOCK_POLL_MS = 100;

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${KAFKA_VERSION}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version></dependency>
</dependencies></project>
`;

/** Sizes in bytes by file name: written last, so a folder without it, or unlike it, is not complete. */
type Manifest = Record<string, number>;

async function sizes(folder: string): Promise<Manifest> {
  const files = await readdir(folder);
  const entries = files.map(async (file) => [file, (await stat(join(folder, file))).size] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function isComplete(folder: string): Promise<boolean> {
  try {
    const manifest: Manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    const present = await sizes(join(folder, 'libs'));
    const names = Object.keys(manifest);
    return names.length > 0 && names.every((name) => present[name] === manifest[name]);
  } catch {
    return false;
  }
}

/**
 * The folder with the broker's jars (92 files, 54 MB), downloaded by Maven the first time. It is kept in the
 * user's cache, checked at each use, and downloaded again when a file is missing or cut short.
 */
export async function kafkaJars(log?: Log, signal?: AbortSignal): Promise<string> {
  const cache = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'evenkeel');
  const folder = join(cache, `kafka-${KAFKA_VERSION}`);
  if (await isComplete(folder)) return join(folder, 'libs');
  await mkdir(cache, { recursive: true }).catch((cause) => {
    throw new BackendError(
      `Kafka cannot be kept in ${cache}: ${textOf(cause)}. Set XDG_CACHE_HOME to a folder you may write, or KAFKA_BROKERS.`,
      { cause },
    );
  });
  const unlock = await lock(`${folder}.lock`, signal);
  try {
    if (!(await isComplete(folder))) await download(cache, folder, log, signal);
  } finally {
    await unlock();
  }
  return join(folder, 'libs');
}

async function download(cache: string, folder: string, log?: Log, signal?: AbortSignal) {
  const command = await requireProgram(maven, log, signal);
  log?.(`Kafka ${KAFKA_VERSION}: downloading its jars (54 MB) by Maven to ${folder}`);
  const fresh = await temporaryFolder('kafka-jars', cache);
  try {
    await writeFile(join(fresh, 'pom.xml'), pom);
    const goal = ['-DoutputDirectory=libs', '-DincludeScope=runtime'];
    await runCommand(command, ['-B', '-q', 'dependency:copy-dependencies', ...goal], {
      cwd: fresh,
      signal,
    }).catch((cause) => {
      signal?.throwIfAborted();
      const line = /\[ERROR\] .*/.exec(String(cause.cause ?? ''))?.[0] ?? textOf(cause);
      throw new BackendError(
        `Kafka's jars could not be downloaded: ${line} Check the network and Maven's settings, or set KAFKA_BROKERS.`,
        { cause },
      );
    });
    await writeFile(join(fresh, 'manifest.json'), JSON.stringify(await sizes(join(fresh, 'libs'))));
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } finally {
    await removeFolder(fresh);
  }
}

/** One download at a time. The lock is a folder that goes when its owner ends, however it ends. */
async function lock(path: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  const until = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await mkdir(path);
      untilRemoved(path);
      return () => removeFolder(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (performance.now() > until) {
      throw new BackendError(
        `Another run seems to be downloading Kafka for ${LOCK_TIMEOUT_MS / 1000} s. If there is none, delete ${path}.`,
      );
    }
    await sleep(LOCK_POLL_MS);
  }
}
