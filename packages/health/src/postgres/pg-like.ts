/** What a query gives. */
export interface PgResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number | null;
  readonly command: string;
}

/** The connection that `read` and `write` hand over, for as long as the call runs; never released or ended by it. */
export interface PgQueries {
  // biome-ignore lint/suspicious/noExplicitAny: as in `pg`, a row is what its reader says it is
  query<Row = any>(
    query: string | { readonly text: string; readonly values?: unknown[]; readonly name?: string },
    values?: unknown[],
  ): Promise<PgResult<Row>>;
}

/** What is called of a connection of a `pg` pool. */
export interface PgPoolClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: the rows of a query are known to whoever wrote it
  query(text: string, values?: unknown[]): Promise<any>;
  release(isBroken?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** What is called and read of a `pg` pool. */
export interface PgPoolLike {
  connect(): Promise<PgPoolClientLike>;
  readonly options: object;
}
