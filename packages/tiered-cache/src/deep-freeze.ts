/**
 * Freezes a value that came out of a codec: one object serves every caller of the process. Bytes
 * cannot be frozen, nor what maps and sets contain.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Object.isFrozen(value)) return value; // also ends cycles
  Object.freeze(value);
  if (Array.isArray(value)) for (const inner of value) deepFreeze(inner);
  else for (const name in value) deepFreeze(value[name]);
  return value;
}
