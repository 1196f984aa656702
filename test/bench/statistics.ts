/**
 * The figures of a benchmark: median, 99th percentile and ratios of samples in microseconds. Invariant: a sample list is
 * never empty, and no figure is an average, which one slow round would move.
 */
export interface Figures {
  readonly rounds: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

function quantile(sorted: readonly number[], part: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * part));
  const value = sorted[index];
  if (value === undefined) throw new RangeError('no samples: run at least one round');
  return value;
}

export function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    rounds: sorted.length,
    median: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}

/** `1234.5` microseconds as `1.235 ms`. */
export function milliseconds(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(3)} ms`;
}

/** A line of a table: name, figures, and the ratio of medians to a base where there is one. */
export function row(name: string, value: Figures, base?: Figures): string {
  const ratio = base === undefined ? '' : `${(value.median / base.median).toFixed(2)}x`;
  return [
    name.padEnd(34),
    milliseconds(value.median).padStart(11),
    milliseconds(value.p99).padStart(11),
    milliseconds(value.max).padStart(12),
    ratio.padStart(8),
  ].join('');
}

export const heading = `${'what'.padEnd(34)}${'median'.padStart(11)}${'p99'.padStart(11)}${'longest'.padStart(12)}${'ratio'.padStart(8)}`;
