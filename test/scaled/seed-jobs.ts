/**
 * The connector jobs of the seed, by the name of their hook: taken out of its text, as the broker sent them. Invariant:
 * no argument string of the seed stands in a test.
 */
import { exchanges, seedText, type SeedExchange } from '../seed/seed-text.js';

export interface SeedJob {
  readonly exchange: SeedExchange;
  /** `--hook-name`, `--input-args`, `--cart-name`, `--gear-uuid`. */
  readonly args: Readonly<Record<string, string>>;
}

/** Every `connector-execute` of the seed, in its order. */
export function seedConnectors(): readonly SeedJob[] {
  return exchanges(untilDestroy(seedText())).flatMap((exchange) =>
    jobsOf(exchange)
      .filter(({ job }) => job.action === 'connector-execute')
      .map(({ job }) => ({ exchange, args: job.args })),
  );
}

/** Behind it the document abridges a list of jobs in words. */
function untilDestroy(text: string): string {
  const end = text.indexOf('### Destroying the scaled app ###');
  if (end < 0) throw new Error('the seed has no destroy of the scaled application');
  return text.slice(0, end);
}

/** The first one of a hook. */
export function seedConnector(hook: string): SeedJob {
  const found = seedConnectors().find(({ args }) => args['--hook-name'] === hook);
  if (found === undefined) throw new Error(`the seed has no ${hook}`);
  return found;
}

/** The first execute_parallel of the scaled part whose jobs are of an action. */
export function seedParallel(action: string): SeedExchange {
  const found = exchanges(untilDestroy(seedText())).find((exchange) =>
    jobsOf(exchange).some(({ job }) => job.action === action),
  );
  if (found === undefined) throw new Error(`the seed has no ${action}`);
  return found;
}

export interface Job {
  readonly gear: string;
  readonly job: { readonly action: string; readonly args: Readonly<Record<string, string>> };
}

/** The jobs of an execute_parallel; of anything else none. */
export function jobsOf({ request }: SeedExchange): readonly Job[] {
  const jobs = request.data['broker.test.example.com'];
  return Array.isArray(jobs) ? (jobs as readonly Job[]) : [];
}
