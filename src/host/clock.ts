/**
 * Time in one place: the wall clock for what people read, a steady clock for how long something took.
 * Invariant: a duration never comes from the wall clock, which may be set back.
 */
export function now(): Date {
  return new Date();
}

/** Milliseconds since some fixed moment; only differences mean anything. */
export function steady(): number {
  return performance.now();
}

/** A local time as deployments and logs write it: `2013-02-27_10-33-37.123`. */
export function stamp(date: Date = now()): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}-${two(date.getMinutes())}-${two(date.getSeconds())}`;
  return `${day}_${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
