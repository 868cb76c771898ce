import { env } from 'node:process';
import { BackendError } from './backends/backend-error.ts';
import { runCommand } from './backends/run-command.ts';
import { succeeds } from './backends/succeeds.ts';
import { type Log, requireProgram, type SystemProgram } from './backends/system-package.ts';

/** What playwright-core's `chromium.launch` needs. */
export interface Browser {
  executablePath: string;
  args: string[];
}

const chromium: SystemProgram = {
  name: 'Chromium',
  commands: [
    'chromium',
    'chromium-browser',
    'google-chrome-stable',
    'google-chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  packages: {
    'apt-get': ['chromium'],
    dnf: ['chromium'],
    apk: ['chromium'],
    brew: ['chromium'],
  },
  otherwise: 'set CHROMIUM_PATH',
  // On Ubuntu the command can be one that only tells to install a snap.
  accept: (command) => succeeds(runCommand(command, ['--version'])),
};

/** Headless as any user, root too, with no request of the browser's own. */
const args = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * A real Chromium: the one of CHROMIUM_PATH, else one of this system, else the system's package, which is
 * installed where this process may do that.
 *
 * @throws BackendError with the cause and what to do when there is none.
 */
export async function findBrowser(
  options: { log?: Log; signal?: AbortSignal } = {},
): Promise<Browser> {
  const path = env.CHROMIUM_PATH;
  if (path) {
    await runCommand(path, ['--version']).catch((cause) => {
      throw new BackendError(
        `CHROMIUM_PATH is set, but ${path} does not run. Correct or unset it.`,
        { cause },
      );
    });
  }
  return {
    executablePath: path || (await requireProgram(chromium, options.log, options.signal)),
    args,
  };
}
