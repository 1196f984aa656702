// What a load has been answered: by gear and version how often and when last asked for, failures by kind, latencies.
// Invariant: each request that was begun counts once, as an answer or as a failure, when it ends.

export interface Seen {
  readonly count: number;
  /** When the last of the requests that got this answer was begun: milliseconds since 1970. */
  readonly lastAsked: number;
}

/** One line of a running load: everything since its start. */
export interface LoadReport {
  readonly time: number;
  readonly answered: number;
  readonly failed: Readonly<Record<string, number>>;
  /** The first failures, one sentence each. */
  readonly failures: readonly string[];
  /** By the gear's uuid, then by the version that its page said. */
  readonly seen: Readonly<Record<string, Readonly<Record<string, Seen>>>>;
  readonly milliseconds: { readonly median: number; readonly p99: number; readonly longest: number };
  /** True in the last line. */
  readonly ended: boolean;
}

const KEPT_FAILURES = 40;

export class Tally {
  answered = 0;
  readonly failed: Record<string, number> = {};
  readonly #failures: string[] = [];
  readonly #seen: Record<string, Record<string, { count: number; lastAsked: number }>> = {};
  /** How many requests took how many milliseconds, rounded down. */
  readonly #took: number[] = [];

  answer(gear: string, version: string, asked: number, took: number): void {
    this.answered += 1;
    const versions = (this.#seen[gear] ??= {});
    const seen = (versions[version] ??= { count: 0, lastAsked: 0 });
    seen.count += 1;
    seen.lastAsked = Math.max(seen.lastAsked, asked);
    const slot = Math.floor(took);
    this.#took[slot] = (this.#took[slot] ?? 0) + 1;
  }

  failure(kind: string, asked: number, took: number, detail: string): void {
    this.failed[kind] = (this.failed[kind] ?? 0) + 1;
    if (this.#failures.length < KEPT_FAILURES) {
      this.#failures.push(
        `${new Date(asked).toISOString()} ${kind} after ${Math.round(took)} ms: ${detail.slice(0, 300)}`,
      );
    }
  }

  report(ended: boolean): LoadReport {
    return {
      time: Date.now(),
      answered: this.answered,
      failed: this.failed,
      failures: this.#failures,
      seen: this.#seen,
      milliseconds: {
        median: this.#quantile(0.5),
        p99: this.#quantile(0.99),
        longest: Math.max(0, this.#took.length - 1),
      },
      ended,
    };
  }

  #quantile(share: number): number {
    let left = this.answered * share;
    for (const [milliseconds, count] of this.#took.entries()) {
      left -= count ?? 0;
      if (left <= 0) return milliseconds;
    }
    return 0;
  }
}
