/** The wall clock as people read it in names of files. */

/** A local time as the names of deployments have it: `2013-02-27_10-33-37.123`. */
export function stamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}-${two(date.getMinutes())}-${two(date.getSeconds())}`;
  return `${day}_${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
