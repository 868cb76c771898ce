import { createServer } from 'node:net';
import { freePort } from '../../../test/backends/free-port.ts';
import { StartError } from './options.ts';

// no port twice, and none that an outgoing connection may have taken before a process starts again on it
export { freePort };

/** `port` when it is free, any free one for 0. @throws StartError when something listens there */
export async function claimPort(port: number): Promise<number> {
  if (port === 0) return freePort();
  try {
    await listenOnce(port);
    return port;
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

function listenOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve()));
  });
}
