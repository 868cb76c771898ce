/** What is used here of kafkajs' own, which it promises to nobody. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}
interface Cluster {
  readonly connectionPoolBuilder: {
    build(broker: { host: string; port: number }): Promise<{
      readonly pool: readonly [{ readonly requestQueue: RequestQueue }];
    }>;
  };
}

const mended = new WeakSet<RequestQueue>();

/**
 * Lets idle connections of kafkajs sleep. From its first answer on each of them (two to a broker and client, in 2.2.4) wakes the
 * process once a millisecond for ever, to see whether requests wait (tulios/kafkajs#1704). They are made to look only
 * while some do; one that comes to wait later makes them look again by itself. This changes one method of kafkajs for
 * all its clients in the process. A kafkajs that is made otherwise is left as it is.
 */
export async function letIdleConnectionsSleep(kafka: object): Promise<void> {
  const queue = await requestQueueOf(kafka).catch(() => null);
  const look = queue?.scheduleCheckPendingRequests;
  if (!queue || !look || mended.has(queue)) return;
  mended.add(queue);
  queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) look.call(this);
  };
}

/** The prototype of all of them, found by a pool of connections none of which is opened. Rejects when there is none. */
async function requestQueueOf(kafka: object): Promise<RequestQueue> {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  ) as symbol;
  const cluster = (kafka as Record<symbol, (options: object) => Cluster>)[key]?.({}) as Cluster;
  const { pool } = await cluster.connectionPoolBuilder.build({ host: 'localhost', port: 0 });
  return Object.getPrototypeOf(pool[0].requestQueue);
}
