// biome-ignore-all lint/style/noDefaultExport: the shape of the package that is described
declare module 'opossum' {
  export default class CircuitBreaker {
    constructor(action: (...args: never[]) => unknown, options?: Record<string, unknown>);
    fire(...args: unknown[]): Promise<unknown>;
    shutdown(): void;
    on(event: string, listener: () => void): void;
  }
}
