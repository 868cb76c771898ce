import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { runCommand } from './run-command.ts';
import type { SystemProgram } from './system-package.ts';

const OLDEST = 17;
const DEBIAN_FOLDER = '/usr/lib/jvm';

/** Where Java may be besides PATH: a system can have several, and the one on PATH can be too old. */
function places(): string[] {
  const homes = existsSync(DEBIAN_FOLDER)
    ? readdirSync(DEBIAN_FOLDER).map((name) => join(DEBIAN_FOLDER, name))
    : [];
  const brew = ['/opt/homebrew/opt/openjdk', '/usr/local/opt/openjdk'];
  return [...(env.JAVA_HOME ? [env.JAVA_HOME] : []), ...homes, ...brew].map((home) =>
    join(home, 'bin', 'java'),
  );
}

/** The Java that Kafka needs. */
export const java: SystemProgram = {
  name: `Java ${OLDEST} or newer`,
  get commands() {
    return ['java', ...places()];
  },
  packages: {
    'apt-get': ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'openjdk-25-jre-headless'],
    dnf: ['java-21-openjdk-headless', 'java-17-openjdk-headless'],
    apk: ['openjdk17-jre-headless', 'openjdk21-jre-headless'],
    brew: ['openjdk'],
  },
  otherwise: 'start Docker, or set KAFKA_BROKERS',
  async accept(command) {
    const told = await runCommand(command, ['-version']).catch(() => '');
    return Number(/version "(\d+)/.exec(told)?.[1] ?? 0) >= OLDEST;
  },
};
