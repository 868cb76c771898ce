const MASK = '***';
const MAX_INPUT = 4_000;
const MAX_TEXT = 300;

const SECRET_NAME =
  /^[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization|cookie|signature|auth)$/i;

/**
 * What drivers put into their messages, most specific first. Every expression is linear in the text:
 * no nested quantifier, and the input is cut before.
 */
const RULES: readonly (readonly [RegExp, string])[] = [
  // PEM blocks, whole or cut off in the middle.
  [/-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g, MASK],
  // scheme://user:password@host: up to the last @ of the word, since an unescaped password may hold one, or a slash.
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s'"`<>]*@/gi, `$1${MASK}@`],
  // what undici says of a header that it refuses
  [/"[^"]*"(?= is an invalid header)/g, `"${MASK}"`],
  // AUTH user password, HELLO 3 AUTH user password, CONFIG SET requirepass x, of Redis
  [
    /\b(auth|requirepass|masterauth)(['"\s,]+)(?!failed|error|is\b|was\b|required|method|mechanism|provider|called|command)\S.*$/gim,
    `$1$2${MASK}`,
  ],
  // Authorization: Basic x / Bearer x, wherever they stand
  [/\b(bearer|basic|digest|negotiate|apikey)\s+[\w.~+/=-]{6,}/gi, `$1 ${MASK}`],
  [/\b((?:proxy-)?authorization|set-cookie|cookie)(['"]?\s*[:=]\s*)[^\r\n]*/gi, `$1$2${MASK}`],
  // password=x, "pwd": "x", api_key: 'x', IDENTIFIED BY 'x', and DB_PASSWORD=x
  [
    /((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|shared[_-]?access[_-]?key|account[_-]?key|signature|sig|credential)["'\]]*\s*(?:=|:|%3D|=>)\s*)(?:"[^"]*"?|'[^']*'?|`[^`]*`?|[^\s;&]+)/gi,
    `$1${MASK}`,
  ],
  [/\b(identified by|password)(\s+)(?:"[^"]*"|'[^']*')/gi, `$1$2${MASK}`],
  // JSON web tokens, vendors' keys, AWS key ids
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g, MASK],
  [
    /\b(?:sk|pk|rk|whsec|ghp|gho|ghs|ghu|github_pat|glpat|npm|xox[abposr]|shpat|SG)[-_.][\w.-]{8,}/g,
    MASK,
  ],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, MASK],
  // anything long that nobody reads: digests, keys, base64
  [/\b[A-Za-z0-9+/_-]{40,}={0,2}/g, MASK],
];

/**
 * Takes secrets out of a text that is about to leave the process: connection strings, passwords, tokens,
 * Authorization headers, keys. One line of at most 300 characters comes back. O(n) in the text.
 * It knows shapes, not values: a bare password in the middle of a sentence cannot be told from a word.
 */
export function redact(text: string): string {
  let clean = text.slice(0, MAX_INPUT);
  for (const [expression, replacement] of RULES) clean = clean.replace(expression, replacement);
  clean = clean.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT - 1)}…` : clean;
}

/** The message of anything that was thrown, with its cause's, without secrets. Never throws. */
export function errorText(thrown: unknown): string {
  try {
    return messageOf(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) {
    return redact(typeof thrown === 'string' ? thrown : `thrown: ${typeof thrown}`);
  }
  // Node's AggregateError of a refused connection has an empty message and says all in its code.
  const code = (thrown as { code?: unknown }).code;
  const parts = [thrown.message || (typeof code === 'string' ? code : thrown.name)];
  const cause = thrown.cause;
  if (cause instanceof Error && cause.message !== '' && !thrown.message.includes(cause.message)) {
    parts.push(cause.message);
  }
  return redact(parts.join(': '));
}

/** Where something was thrown: the lines of its stack without its message, which may hold secrets. */
export function framesOf(thrown: unknown): readonly string[] {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return typeof stack === 'string' ? stack.split('\n').filter((line) => /^ {4}at /.test(line)) : [];
}

/**
 * A copy of a check's data that is safe to show: small, plain, without secrets; at most 3 deep and 20 wide.
 * Never throws: what cannot be read is undefined.
 */
export function redactData(value: unknown): unknown {
  try {
    return copyOf(value, 0);
  } catch {
    return undefined;
  }
}

function copyOf(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'boolean' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (typeof value !== 'object' || depth >= 3) return undefined;
  if (Array.isArray(value)) return value.slice(0, 20).map((item) => copyOf(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value).slice(0, 20)) {
    copy[key] = SECRET_NAME.test(key) ? MASK : copyOf(item, depth + 1);
  }
  return copy;
}
