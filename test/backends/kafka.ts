import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterId } from './cluster-id.ts';
import { freePort, onPort } from './free-port.ts';
import { java as javaProgram } from './java.ts';
import { KAFKA_VERSION, kafkaJars } from './kafka-jars.ts';
import { NativeServer } from './native-server.ts';
import { removeFolder, temporaryFolder } from './reaper.ts';
import { runCommand } from './run-command.ts';
import { type Log, requireProgram } from './system-package.ts';

const READY_TIMEOUT_MS = 120_000;

export interface KafkaOptions {
  /** More of server.properties, for instance `{ 'num.partitions': '3' }`. */
  properties?: Record<string, string>;
  /** Default: a free one. */
  port?: number;
  signal?: AbortSignal;
  log?: Log;
}

// The first compiler alone starts it in half the time; the broker is not what limits a client here.
export const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData'];

const log4j = `<Configuration status="WARN"><Appenders><Console name="out"><PatternLayout pattern="%d %p %m%n"/></Console></Appenders>
<Loggers><Logger name="kafka.server.KafkaRaftServer" level="INFO"/><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers></Configuration>
`;

/** Starts a Kafka of one's own, broker and controller in one process, on 127.0.0.1. */
export async function startKafka(options: KafkaOptions = {}): Promise<NativeServer> {
  const { properties = {}, signal, log } = options;
  const java = await requireProgram(javaProgram, log, signal);
  const jars = await kafkaJars(log, signal);
  return await onPort(options.port, async (port) => {
    const folder = await temporaryFolder('kafka');
    try {
      const controller = await freePort();
      const configuration = {
        'process.roles': 'broker,controller',
        'node.id': '1',
        'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        'log.dirs': join(folder, 'data'),
        'offsets.topic.replication.factor': '1',
        'offsets.topic.num.partitions': '4',
        'transaction.state.log.replication.factor': '1',
        'transaction.state.log.min.isr': '1',
        'transaction.state.log.num.partitions': '4',
        'share.coordinator.state.topic.replication.factor': '1',
        'share.coordinator.state.topic.min.isr': '1',
        // after a crash the broker is let in again only when its former session has timed out
        'broker.session.timeout.ms': '3000',
        'broker.heartbeat.interval.ms': '500',
        'group.initial.rebalance.delay.ms': '0',
        ...properties,
      };
      const file = join(folder, 'server.properties');
      const lines = Object.entries(configuration).map(([key, value]) => `${key}=${value}\n`);
      await writeFile(file, lines.join(''));
      await writeFile(join(folder, 'log4j2.xml'), log4j);
      const logging = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.xml')}`;
      const cluster = ['-t', clusterId(), '-c', file, '--standalone'];
      const program = [...jvm, logging, '-cp', `${jars}/*`];
      await runCommand(java, [...program, 'kafka.tools.StorageTool', 'format', ...cluster], {
        signal,
        cwd: folder,
      });
      const server = new NativeServer({
        name: 'Kafka',
        version: KAFKA_VERSION,
        url: `127.0.0.1:${port}`,
        port,
        folder,
        command: java,
        args: ['-Xms256m', '-Xmx512m', ...program, 'kafka.Kafka', file],
        ready: /Kafka Server started/,
        readyTimeoutMs: READY_TIMEOUT_MS,
        stopSignal: 'SIGTERM',
      });
      return await server.start(signal);
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  });
}
