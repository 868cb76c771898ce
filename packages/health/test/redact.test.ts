import { expect, test } from 'vitest';
import { Health } from '../src/index.ts';
import { answerProbe } from '../src/probe-answer.ts';
import { errorText, redact } from '../src/redact.ts';

const TOKEN = 'details-token-0123456789';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2hunter2hunter2';

/** What drivers and their friends say when they fail, each with something that must not be repeated: `hunter2`. */
const SECRETS: readonly (readonly [driver: string, message: string])[] = [
  ['pg connection string', 'could not connect to postgres://app:hunter2@db.internal:5432/shop'],
  ['pg, a slash in the password', 'invalid connection string postgresql://app:hun/hunter2@db/shop'],
  ['pg, an @ in the password', 'timeout: postgres://app:p@ss/hunter2@db.internal/shop'],
  ['libpq keywords', 'connection failed: host=db user=app password=hunter2 dbname=shop'],
  ['libpq, quoted', 'connection to "host=db password=\'hunter2 with spaces\' user=app" failed'],
  ['PGPASSWORD', 'Command failed: PGPASSWORD=hunter2 psql -h db -c "select 1"'],
  ['postgres DDL', "ERROR: syntax error at or near: alter role app with password 'hunter2'"],
  ['mysql DDL', "ER_PARSE_ERROR near: create user 'app'@'%' identified by 'hunter2'"],
  ['mysql2 uri', 'connect ETIMEDOUT mysql://app:hunter2@mysql:3306/shop'],
  ['mssql, a comma in the password', 'Login failed: Password=a,b)hunter2;Encrypt=true'],
  ['mongodb', 'MongoServerSelectionError: mongodb+srv://app:hunter2@cluster0.mongodb.net/?w=1'],
  ['mssql', 'ConnectionError: Server=db;Database=shop;User Id=sa;Password=hunter2;Encrypt=true'],
  ['ioredis url', 'Failed to connect to rediss://default:hunter2@redis.internal:6380/0'],
  ['redis, only a password', 'getaddrinfo ENOTFOUND in redis://:hunter2@cache:6379'],
  ['redis AUTH', 'ERR wrong number of arguments: AUTH default hunter2'],
  [
    'redis HELLO',
    "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'hunter2'",
  ],
  ['redis CONFIG', 'ERR CONFIG SET failed: requirepass hunter2'],
  [
    'kafkajs SASL',
    'SASL PLAIN failed for {"mechanism":"plain","username":"app","password":"hunter2"}',
  ],
  ['kafka jaas', 'LoginModule required username="app" password="hunter2";'],
  ['amqplib', 'Handshake terminated by server: amqp://app:hunter2@rabbit:5672/%2f'],
  [
    'undici, credentials in the url',
    'Request cannot be constructed from a URL that includes credentials: http://app:hunter2@psp/',
  ],
  ['undici, bad url', 'Failed to parse URL from https://psp:99999/pay?api_key=hunter2&amount=1'],
  ['undici, bad header', 'Headers.append: "Bearer abc\nhunter2" is an invalid header value.'],
  ['axios', 'Request failed: Authorization: Basic YXBwOmh1bnRlcjI=hunter2 -> 401'],
  ['got', 'Response code 401: {"headers":{"authorization":"Bearer hunter2hunter2"}}'],
  ['jsonwebtoken', `jwt malformed: ${JWT}`],
  ['stripe', 'Invalid API Key provided: sk_live_hunter2hunter2hunter2'],
  ['aws', 'InvalidAccessKeyId: AKIAHUNTER2HUNTER22 aws_secret_access_key=hunter2/hunter2+x'],
  ['azure', 'AccountName=shop;AccountKey=hunter2hunter2==;EndpointSuffix=core.windows.net'],
  [
    's3, presigned',
    'GET https://s3/tickets?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2abc 403',
  ],
  ['github', 'remote: Invalid credentials for ghp_hunter2hunter2hunter2'],
  ['slack', 'invalid_auth: token xoxb-hunter2-hunter2-hunter2'],
  ['cookie', 'upstream refused; cookie: session=hunter2; theme=dark'],
  [
    'openssl',
    'bad decrypt -----BEGIN PRIVATE KEY-----\nhunter2\nhunter2\n-----END PRIVATE KEY-----',
  ],
  ['node, environment', 'spawn failed with { DB_PASSWORD: \'hunter2\', JWT_SECRET: "hunter2" }'],
  ['dotenv', 'Missing value near CLIENT_SECRET = hunter2'],
];

/** What says only what is wrong, and has to stay readable. */
const HARMLESS = [
  'connect ECONNREFUSED 10.0.0.7:5432',
  'password authentication failed for user "app"',
  'remaining connection slots are reserved for roles with the SUPERUSER attribute',
  "READONLY You can't write against a read only replica.",
  'NOAUTH Authentication required.',
  'WRONGPASS invalid username-password pair or user is disabled.',
  "OOM command not allowed when used memory > 'maxmemory'.",
  'Connection error: connect ECONNREFUSED 127.0.0.1:9092',
  'getaddrinfo ENOTFOUND db.internal',
  'timeout exceeded when trying to connect',
];

test.each(SECRETS)('%s: the secret stays inside', async (_, message) => {
  const health = new Health({ service: 'orders', detailsToken: TOKEN });
  const told: unknown[] = [];
  health.on('change', (change) => told.push(change));
  health.check('direct', () => {
    throw new Error(message);
  });
  health.check('cause', () => Promise.reject(new Error('failed', { cause: new Error(message) })));
  health.check('text', () => Promise.reject(message));
  health.check('data', () => ({ message, nested: { list: [message] }, password: 'hunter2' }));
  const answer = await answerProbe(health, '/health', `Bearer ${TOKEN}`);
  const all = JSON.stringify([answer, told, health.snapshot(), redact(message)]);
  expect(all).toContain('***');
  expect(all.toLowerCase()).not.toContain('hunter2');
});

test.each(HARMLESS)('%s: is left as it is', (message) => {
  expect(errorText(new Error(message))).toBe(message);
});

test('one line of at most 300 characters comes out, in no time, whatever goes in', () => {
  const hostile = ['a://'.repeat(1e5), '"'.repeat(1e5), 'password='.repeat(1e5), 'x'.repeat(1e6)];
  for (const text of hostile) {
    const startedAt = performance.now();
    expect(redact(text).length).toBeLessThanOrEqual(300);
    expect(performance.now() - startedAt).toBeLessThan(100);
  }
  expect(redact('a\nb\t\u0000c')).toBe('a b c');
});

test('an error that says nothing is called by its code', () => {
  expect(errorText(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }))).toBe(
    'ECONNREFUSED',
  );
});

test('a cause that the message repeats is told once', () => {
  const cause = new Error('no seat is free');
  expect(errorText(new Error('hold: no seat is free', { cause }))).toBe('hold: no seat is free');
  expect(errorText(new Error('hold failed', { cause }))).toBe('hold failed: no seat is free');
});
