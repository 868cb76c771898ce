import type { Backend, BackendName } from './backend.ts';
import { BackendError, textOf } from './backend-error.ts';
import { probe } from './probe.ts';

/** The backend whose address is in the environment, if there is one. @throws BackendError when it is silent. */
export async function addressFromEnvironment(
  backend: BackendName,
  variable: string,
): Promise<Backend | undefined> {
  const url = process.env[variable];
  if (!url) return undefined;
  try {
    const found = await probe(backend, url);
    return { ...found, url, how: `from ${variable}`, stop: async () => {} };
  } catch (cause) {
    throw new BackendError(
      `${variable} is set, but nothing answers there: ${textOf(cause)}. Start it, correct the address, or unset ${variable}.`,
      { cause },
    );
  }
}
