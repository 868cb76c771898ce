import { EventEmitter } from 'eventemitter3';

type Listener<Payload> = (payload: Payload) => void;

/** Typed events, one payload each, whose throwing listeners break neither the emitter nor one another. */
export class SafeEmitter<Events extends object> {
  readonly #emitter = new EventEmitter<string>();

  on<Name extends keyof Events & string>(name: Name, listener: Listener<Events[Name]>): () => void {
    this.#emitter.on(name, listener);
    return () => void this.#emitter.off(name, listener);
  }

  emit<Name extends keyof Events & string>(name: Name, payload: Events[Name]): void {
    for (const listener of this.#emitter.listeners(name)) {
      try {
        listener(payload);
      } catch {
        // a listener is the caller's code watching; what it watches must go on
      }
    }
  }
}
