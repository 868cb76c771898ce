// It comes without types: what the benchmark calls of it.
declare module 'stoppable' {
  import type { Server } from 'node:http';

  function stoppable(server: Server, graceMs: number): Server & { stop(done: () => void): void };
  export = stoppable;
}
