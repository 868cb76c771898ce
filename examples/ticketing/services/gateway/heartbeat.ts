/**
 * Pings of all WebSockets of a process, by one timer: each second a slice of them, so that all have had
 * theirs within the period and no moment has to ping everybody.
 */
import type { Broadcasts } from '../inventory/broadcasts.ts';

/** a whole frame without payload (RFC 6455, section 5.5.2): of these there are thousands a second */
export const pingFrame = Buffer.from([0x89, 0]);

const periodSeconds = 30;
/** so long it waits for what all must hear at once */
const patienceSeconds = 15;
/** What has waited is caught up with twice as fast as it comes: all of it at once is thousands in the middle of the next broadcast. */
const catchingUp = 2;
/**
 * Who was told something within the period needs no ping to keep the line open, so is only asked now and then whether
 * anybody listens: a ping and its answer cost as much as two messages.
 */
const unheardSeconds = 120;

/** A WebSocket, as far as it matters here. */
export abstract class Pulse {
  /** something was sent to it since the heartbeat has looked at it last */
  isTold = false;
  /** The rest is the heartbeat's: fields, because there are 18,000 of them. In beats, of which one is a second. */
  pingedAt: number | undefined;
  heardAt = 0;
  place = 0;
  abstract ping(): void;
  abstract terminate(): void;
}

export class Heartbeat {
  /** dense: the last one takes the place of one that leaves */
  readonly #sockets: Pulse[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #broadcasts: Pick<Broadcasts, 'isUnderWay'>;
  #next = 0;
  /** looks that are due, times the period: of few sockets there is less than one a second */
  #due = 0;
  /** counted, and not read from a clock that may be set */
  #beats = 0;

  constructor(broadcasts: Pick<Broadcasts, 'isUnderWay'>) {
    this.#broadcasts = broadcasts;
    this.#timer = setInterval(() => this.#beat(), 1_000).unref();
  }

  add(socket: Pulse): void {
    socket.place = this.#sockets.push(socket) - 1;
    this.heard(socket);
  }

  heard(socket: Pulse): void {
    socket.pingedAt = undefined;
    socket.heardAt = this.#beats;
  }

  /** Once, of one that was added. */
  remove({ place }: Pulse): void {
    const last = this.#sockets.pop() as Pulse;
    if (last.place === place) return;
    this.#sockets[place] = last;
    last.place = place;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    this.#beats += 1;
    // one look at each is the most that can be due, of those who are left
    this.#due = Math.min(this.#due + this.#sockets.length, periodSeconds * this.#sockets.length);
    // of what is due then, nothing is lost
    if (this.#broadcasts.isUnderWay && this.#due <= patienceSeconds * this.#sockets.length) return;
    let most = Math.max(periodSeconds, catchingUp * this.#sockets.length);
    for (; Math.min(most, this.#due) >= periodSeconds; most -= periodSeconds) {
      this.#due -= periodSeconds;
      this.#next = (this.#next + 1) % this.#sockets.length;
      this.#look(this.#sockets[this.#next] as Pulse);
    }
  }

  /** A browser that is gone without a word is noticed at the look after its ping. */
  #look(socket: Pulse): void {
    const { isTold, pingedAt, heardAt } = socket;
    socket.isTold = false;
    if (pingedAt !== undefined) {
      // one that took another's place is looked at earlier than after a period: it shall have the time to answer
      if (this.#beats - pingedAt >= periodSeconds / 2) socket.terminate();
    } else if (!isTold || this.#beats - heardAt >= unheardSeconds) {
      socket.pingedAt = this.#beats;
      socket.ping();
    }
  }
}
