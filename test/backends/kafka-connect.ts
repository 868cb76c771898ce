import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPort } from './free-port.ts';
import { java as javaProgram } from './java.ts';
import { jvm } from './kafka.ts';
import { DEBEZIUM_VERSION, debeziumJars, KAFKA_VERSION } from './kafka-jars.ts';
import { NativeServer } from './native-server.ts';
import { removeFolder, temporaryFolder } from './reaper.ts';
import { type Log, requireProgram } from './system-package.ts';

const READY_TIMEOUT_MS = 120_000;

export interface ConnectOptions {
  /** Kafka's `host:port`. */
  brokers: string;
  /** The text of the connector's properties file. */
  connector: string;
  signal?: AbortSignal;
  log?: Log;
}

const log4j = `<Configuration status="WARN"><Appenders><Console name="out"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders>
<Loggers><Root level="INFO"><AppenderRef ref="out"/></Root></Loggers></Configuration>
`;

/** Java and the jars, installed and downloaded where they are missing. */
export async function connectProgram(log?: Log, signal?: AbortSignal) {
  const needed = { ...javaProgram, otherwise: 'do without Kafka Connect' };
  return {
    java: await requireProgram(needed, log, signal),
    jars: await debeziumJars(log, signal),
  };
}

/**
 * Starts a standalone worker of Kafka Connect with one connector of Debezium for PostgreSQL; serving when the
 * connector reads the log. What it has read is kept in `offsets` in its folder, and its `url` is that of the
 * REST API.
 */
export async function startKafkaConnect(options: ConnectOptions): Promise<NativeServer> {
  const { brokers, connector, log, signal } = options;
  const { java, jars } = await connectProgram(log, signal);
  return await onPort(undefined, async (port) => {
    const folder = await temporaryFolder('connect');
    try {
      const configuration = {
        'bootstrap.servers': brokers,
        listeners: `http://127.0.0.1:${port}`,
        'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'offset.storage.file.filename': join(folder, 'offsets'),
      };
      const lines = Object.entries(configuration).map(([key, value]) => `${key}=${value}\n`);
      await writeFile(join(folder, 'worker.properties'), lines.join(''));
      await writeFile(join(folder, 'connector.properties'), connector, { mode: 0o600 });
      await writeFile(join(folder, 'log4j2.xml'), log4j);
      const logging = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.xml')}`;
      const server = new NativeServer({
        name: 'Kafka Connect',
        version: `${KAFKA_VERSION} with Debezium ${DEBEZIUM_VERSION}`,
        url: `http://127.0.0.1:${port}`,
        port,
        folder,
        command: java,
        args: [
          ...['-Xmx512m', ...jvm, logging, '-cp', `${jars}/*`],
          'org.apache.kafka.connect.cli.ConnectStandalone',
          ...['worker.properties', 'connector.properties'],
        ],
        ready: /Processing messages/,
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
