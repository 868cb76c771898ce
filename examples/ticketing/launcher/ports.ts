import { createServer } from 'node:net';
import { StartError } from './options.ts';

/** Any free port. */
export function freePort(): Promise<number> {
  return listenOnce(0);
}

/** `port` when it is free, any free one for 0. @throws StartError when something listens there */
export async function claimPort(port: number): Promise<number> {
  try {
    return await listenOnce(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${port} is in use. Stop what listens there or take another: npm start -- --port ${port + 1}`,
      );
    }
    if (code === 'EACCES') {
      throw new StartError(`This user may not listen on port ${port}: npm start -- --port 8080`);
    }
    throw error;
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
