import type { Server } from 'node:http';
import type { Health, ShutdownPhases } from '@evenkeel/health';
import type { WebSocketServer } from 'ws';

/** A service that is ready to listen, and what its process must know to end it well. */
export type Service = {
  name: string;
  health: Health;
  server: Server;
  webSockets?: WebSocketServer;
  listen(): Promise<unknown>;
  phases: ShutdownPhases;
  lingerMs: number;
};

/** The address to use, for a server that listens: port 0 has become a real one. */
export function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('The server does not listen');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

/** Rejects when the port is taken. */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
