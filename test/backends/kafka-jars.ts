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
export const DEBEZIUM_VERSION = '3.6.1.Final';
const maven = {
  commands: ['mvn'],
  packages: { 'apt-get': ['maven'], dnf: ['maven'], apk: ['maven'], brew: ['maven'] },
} satisfies Partial<SystemProgram>;
const LOCK_TIMEOUT_MS = 180_000;
const LOCK_POLL_MS = 100;

/** Artifacts that are kept together with all they depend on. */
interface JarSet {
  /** For messages: `Kafka`. */
  readonly name: string;
  readonly version: string;
  /** The folder's name in the cache. */
  readonly folder: string;
  /** In megabytes, for a message. */
  readonly size: number;
  /** `group:artifact:version` */
  readonly artifacts: readonly string[];
  /** The variable that makes them unnecessary. */
  readonly variable?: string;
}

const LOG4J = 'org.apache.logging.log4j:log4j-slf4j-impl:2.25.1';
const broker: JarSet = {
  name: 'Kafka',
  version: KAFKA_VERSION,
  folder: `kafka-${KAFKA_VERSION}`,
  size: 54,
  artifacts: [
    `org.apache.kafka:kafka_2.13:${KAFKA_VERSION}`,
    `org.apache.kafka:kafka-tools:${KAFKA_VERSION}`,
    LOG4J,
  ],
  variable: 'KAFKA_BROKERS',
};
const debezium: JarSet = {
  name: 'Kafka Connect with Debezium',
  version: `${KAFKA_VERSION} with ${DEBEZIUM_VERSION}`,
  folder: `connect-${KAFKA_VERSION}-debezium-${DEBEZIUM_VERSION}`,
  size: 41,
  artifacts: [
    `org.apache.kafka:connect-runtime:${KAFKA_VERSION}`,
    `io.debezium:debezium-connector-postgres:${DEBEZIUM_VERSION}`,
    LOG4J,
  ],
};

function pomOf({ artifacts }: JarSet): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>jars</artifactId><version>1</version><dependencies>
${dependencies.join('\n')}
</dependencies></project>
`;
}

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
export function kafkaJars(log?: Log, signal?: AbortSignal): Promise<string> {
  return jarsOf(broker, log, signal);
}

/** The same for Kafka Connect with Debezium's PostgreSQL connector (41 MB). */
export function debeziumJars(log?: Log, signal?: AbortSignal): Promise<string> {
  return jarsOf(debezium, log, signal);
}

async function jarsOf(set: JarSet, log?: Log, signal?: AbortSignal): Promise<string> {
  const cache = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'evenkeel');
  const folder = join(cache, set.folder);
  if (await isComplete(folder)) return join(folder, 'libs');
  await mkdir(cache, { recursive: true }).catch((cause) => {
    throw new BackendError(
      `${set.name} cannot be kept in ${cache}: ${textOf(cause)}. Set XDG_CACHE_HOME to a folder you may write${or(set.variable)}.`,
      { cause },
    );
  });
  const unlock = await lock(set, `${folder}.lock`, signal);
  try {
    if (!(await isComplete(folder))) await download(set, cache, folder, log, signal);
  } finally {
    await unlock();
  }
  return join(folder, 'libs');
}

function or(variable: string | undefined, verb = ''): string {
  return variable === undefined ? '' : `, or ${verb}${variable}`;
}

async function download(
  set: JarSet,
  cache: string,
  folder: string,
  log: Log | undefined,
  signal: AbortSignal | undefined,
) {
  const { name, version, size, variable } = set;
  const otherwise = variable ? `start Docker, or set ${variable}` : `do without ${name}`;
  const program = { ...maven, name: `Maven, which downloads ${name},`, otherwise };
  const command = await requireProgram(program, log, signal);
  log?.(`${name} ${version}: downloading its jars (${size} MB) by Maven to ${folder}`);
  const fresh = await temporaryFolder('jars', cache);
  try {
    await writeFile(join(fresh, 'pom.xml'), pomOf(set));
    const goal = ['-DoutputDirectory=libs', '-DincludeScope=runtime'];
    await runCommand(command, ['-B', '-q', 'dependency:copy-dependencies', ...goal], {
      cwd: fresh,
      signal,
    }).catch((cause) => {
      signal?.throwIfAborted();
      const line = /\[ERROR\] .*/.exec(String(cause.cause ?? ''))?.[0] ?? textOf(cause);
      throw new BackendError(
        `The jars of ${name} could not be downloaded: ${line} Check the network and Maven's settings${or(variable, 'set ')}.`,
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
async function lock(
  { name }: JarSet,
  path: string,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
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
        `Another run seems to be downloading ${name} for ${LOCK_TIMEOUT_MS / 1000} s. If there is none, delete ${path}.`,
      );
    }
    await sleep(LOCK_POLL_MS);
  }
}
