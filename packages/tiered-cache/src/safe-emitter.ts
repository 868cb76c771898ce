import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'eventemitter3';

type Listener<Payload> = (payload: Payload) => void;

/**
 * Typed events, one payload each, whose throwing listeners break neither the emitter nor one another.
 * Each is also published, with the namespace, on the diagnostics channel `evenkeel:tiered-cache:<event>`.
 */
export class SafeEmitter<Events extends object> {
  readonly #namespace: string;
  readonly #emitter = new EventEmitter<string>();
  readonly #channels = new Map<string, Channel>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

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
    let published = this.#channels.get(name);
    if (published === undefined) {
      published = channel(`evenkeel:tiered-cache:${name}`);
      this.#channels.set(name, published);
    }
    if (published.hasSubscribers) published.publish({ namespace: this.#namespace, ...payload });
  }
}
