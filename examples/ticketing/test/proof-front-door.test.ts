/** Whom the front door asks, and whose answer counts. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrontDoor } from '../load/front-door.ts';

class Front {
  ready = true;
  status = 200;
  asked = 0;
  readonly #server: Server = createServer(({ url }, response) => {
    if (url === '/ready') response.statusCode = this.ready ? 200 : 503;
    else {
      this.asked += 1;
      response.statusCode = this.status;
    }
    response.end('{}');
  });
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  stop(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('the front door', () => {
  let [one, other]: Front[] = [];
  let door: FrontDoor;
  beforeEach(async () => {
    [one, other] = await Promise.all([new Front().start(), new Front().start()]);
    const urls = [one.url, other.url];
    door = new FrontDoor(() => urls);
  });
  afterEach(async () => {
    await door.close();
    await Promise.all([one?.stop(), other?.stop()]);
  });
  const call = () => door.call({ path: '/api/events' });
  const calls = (count: number) => Promise.all(Array.from({ length: count }, call));
  const isLeftOut = (front: Front) =>
    expect
      .poll(async () => {
        const before = front.asked;
        await calls(4);
        return front.asked - before;
      })
      .toBe(0);

  it('asks the next one when one says "try again" or is gone', async () => {
    (one as Front).status = 503;
    expect((await calls(20)).every(({ status }) => status === 200)).toBe(true);
    await one?.stop();
    expect((await calls(20)).every(({ status }) => status === 200)).toBe(true);
  });

  it('asks nobody who is not ready while somebody is, whatever that one says', async () => {
    (one as Front).status = 503;
    (other as Front).ready = false;
    await isLeftOut(other as Front);
    await other?.stop();
    expect((await calls(20)).every(({ status }) => status === 503)).toBe(true);
  });

  it('leaves out who is gone before the next look, and asks anybody when nobody is ready', async () => {
    (other as Front).ready = false;
    await isLeftOut(other as Front);
    await one?.stop();
    expect((await calls(4)).every(({ status }) => status === 200)).toBe(true);
  });
});
