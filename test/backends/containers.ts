import { randomBytes } from 'node:crypto';
import { env } from 'node:process';
import type { StartedTestContainer } from 'testcontainers';
import type { Backend, BackendName } from './backend.ts';
import { AddressInUseError, BackendError, textOf } from './backend-error.ts';
import { clusterId } from './cluster-id.ts';
import { onPort } from './free-port.ts';
import { probe } from './probe.ts';

/** The image of each, and the variable that names another one. */
const images: Record<BackendName, readonly [variable: string, image: string]> = {
  redis: ['REDIS_IMAGE', 'redis:8-alpine'],
  postgres: ['POSTGRES_IMAGE', 'postgres:18-alpine'],
  kafka: ['KAFKA_IMAGE', 'apache/kafka:4.1.0'],
};

interface Running {
  container: StartedTestContainer;
  url: string;
}

// testcontainers is large: loaded only where a container is started.
const start: Record<BackendName, (image: string) => Promise<Running>> = {
  async redis(image) {
    const { GenericContainer, Wait } = await import('testcontainers');
    const container = await new GenericContainer(image)
      .withExposedPorts(6379)
      .withCommand(['--save', '', '--appendonly', 'no'])
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
      .start();
    return { container, url: `redis://${container.getHost()}:${container.getMappedPort(6379)}` };
  },

  async postgres(image) {
    const { GenericContainer, Wait } = await import('testcontainers');
    const password = randomBytes(12).toString('hex');
    const settings = ['max_connections=200', 'fsync=off', 'full_page_writes=off'];
    const changes = settings.flatMap((setting) => ['-c', setting]);
    const container = await new GenericContainer(image)
      .withExposedPorts(5432)
      .withEnvironment({ POSTGRES_PASSWORD: password, POSTGRES_INITDB_ARGS: '--locale=C' })
      .withCommand(['postgres', ...changes])
      // the first time it serves only the image's own initialisation
      .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
      .start();
    const address = `${container.getHost()}:${container.getMappedPort(5432)}`;
    return { container, url: `postgres://postgres:${password}@${address}/postgres` };
  },

  /**
   * Apache's and Confluent's images read the same variables. The broker tells clients its address, so it has
   * to know its port on the host before it starts.
   */
  async kafka(image) {
    const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
    const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
    return await onPort(undefined, async (port) => {
      const url = `${host}:${port}`;
      const container = await new GenericContainer(image)
        .withExposedPorts({ container: 19092, host: port })
        .withEnvironment(kafkaVariables(url))
        .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
        .start()
        .catch((cause) => {
          if (!/port is already allocated|address already in use/i.test(textOf(cause))) throw cause;
          throw new AddressInUseError(`Kafka's container did not start: port ${port} is in use.`, {
            cause,
          });
        });
      return { container, url };
    });
  },
};

function kafkaVariables(address: string): Record<string, string> {
  return {
    CLUSTER_ID: clusterId(),
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: 'PLAINTEXT://:9092,HOST://:19092,CONTROLLER://:9093',
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:9092,HOST://${address}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,HOST:PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '4',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m',
    // as the process of our own has it: compiling for speed costs a small machine more than it gains
    KAFKA_JVM_PERFORMANCE_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
  };
}

let reaper: Promise<unknown> | undefined;

/** Containers that start side by side would each start a reaper of their own. */
async function startReaper(): Promise<void> {
  const { getContainerRuntimeClient, getReaper } = await import('testcontainers');
  reaper ??= getContainerRuntimeClient().then(getReaper);
  await reaper;
}

/** Starts it by testcontainers, whose reaper removes it should this process end without `stop()`. */
export async function startContainer(backend: BackendName): Promise<Backend> {
  const [variable, standard] = images[backend];
  const image = env[variable] || standard;
  try {
    await startReaper();
    const { container, url } = await start[backend](image);
    const stop = async () => {
      await container.stop();
    };
    try {
      return { ...(await probe(backend, url)), url, how: `container ${image}`, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  } catch (cause) {
    const text = textOf(cause).split('\n')[0]?.trim();
    throw new BackendError(
      `The container ${image} did not start: ${text}. Check \`docker pull ${image}\`, or name another image in ${variable}.`,
      { cause },
    );
  }
}
