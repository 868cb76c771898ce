/**
 * A backend that cannot be had: one sentence of cause and one of what to do, without a stack, so that a
 * command that prints it says nothing else.
 */
export class BackendError extends Error {
  override readonly name: string = 'BackendError';
  readonly code: string = 'ERR_BACKEND';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.stack = `${this.name}: ${message}`;
  }
}

/** The port is taken. Callers that chose the port at random try another one. */
export class AddressInUseError extends BackendError {
  override readonly name = 'AddressInUseError';
  override readonly code = 'ERR_BACKEND_ADDRESS_IN_USE';
}

/** The text of anything that was thrown, also of an AggregateError, whose own message is empty. */
export function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return textOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
