import { Query } from 'pg';
import type pg from 'pg';

/** The methods of the driver's connection that write messages. */
interface Wire {
  parse(statement: { text: string }): void;
  bind(portal: object): void;
  execute(portal: object): void;
}

/** The parts of the driver's query that its types leave out. */
interface Extended extends pg.Submittable {
  query_timeout?: number;
  prepare(wire: Wire): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, wire: Wire): void;
}

type Result = pg.QueryResult<Record<string, string | null>>;
type Done = (error: Error | undefined, result: Result) => void;

interface Config extends pg.QueryConfig<unknown[]> {
  readonly queryMode: 'extended';
}

const ExtendedQuery = Query as unknown as new (config: Config, done: Done) => Extended;

/**
 * A statement that is a transaction of its own, with settings sent ahead of it in the same round trip. The extended
 * protocol treats everything up to a Sync message as one transaction.
 */
class LoneQuery extends ExtendedQuery {
  private readonly settings: string;
  private isSet = false;

  constructor(settings: string, config: Config, done: Done) {
    super(config, done);
    this.settings = settings;
  }

  override prepare(wire: Wire): void {
    wire.parse({ text: this.settings });
    wire.bind({});
    wire.execute({});
    super.prepare(wire);
  }

  override handleDataRow(message: unknown): void {
    if (this.isSet) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, wire: Wire): void {
    if (this.isSet) super.handleCommandComplete(message, wire);
    this.isSet = true;
  }
}

/** One statement to run, and the longest time its answer may take in milliseconds. */
export interface LoneStatement {
  readonly settings: string;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly timeoutMs: number;
}

/** Runs a statement as a transaction of its own. Errors are not classed. */
export function runAlone(
  client: pg.ClientBase,
  { settings, text, values, timeoutMs }: LoneStatement,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const config: Config = { text, values: [...values], queryMode: 'extended' };
    const query = new LoneQuery(settings, config, (error, result) =>
      error ? reject(error) : resolve(result),
    );
    query.query_timeout = timeoutMs;
    client.query(query);
  });
}
