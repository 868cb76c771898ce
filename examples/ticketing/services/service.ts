import type { Server } from 'node:http';
import type { ShutdownPhases } from '@evenkeel/health';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { WebSocketServer } from 'ws';
import type { ConfigOf, ServiceName } from './config.ts';
import type { Host } from './host.ts';
import type { WarmUp } from './warm-up.ts';

/** What a service is given: its checked configuration, and what it shares with others of its process. */
export type ServiceContext<Name extends ServiceName> = {
  config: ConfigOf<Name>;
  /** the services of this process, this one included */
  names: readonly ServiceName[];
  host: Host;
  log: Logger;
};

/** A service that is open and ready to answer; the process that hosts it does the listening. */
export type Service = {
  /** binds its routes to the process's HTTP server */
  routes?: (app: FastifyInstance) => void | Promise<void>;
  webSockets?: (server: Server) => WebSocketServer;
  /** a stand-in for somebody else's product answers on a port of its own */
  ownServer?: { app: FastifyInstance; port: number };
  warmUp?: WarmUp;
  /** what must end in which order; what `host` opened is the host's to close */
  phases?: ShutdownPhases;
};

/** One of the folders beside this file. Opening it talks to its stores; nothing listens yet. */
export type OpenService<Name extends ServiceName> = (
  context: ServiceContext<Name>,
) => Service | Promise<Service>;

/** The address to use, for a server that listens: port 0 has become a real one. */
export function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('The server does not listen');
  }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
