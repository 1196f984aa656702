/** Versions of numbers and dots, compared number by number; anything else comes before them, by its text. */
export function compareVersions(a: string, b: string): number {
  const parts = (text: string): readonly number[] | undefined =>
    /^\d+(\.\d+)*$/.test(text) ? text.split('.').map(Number) : undefined;
  const left = parts(a);
  const right = parts(b);
  if (left === undefined || right === undefined) {
    if (left === right) return a < b ? -1 : Number(a > b);
    return left === undefined ? -1 : 1;
  }
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
