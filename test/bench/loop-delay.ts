/**
 * How long one call, or one stretch of work, keeps the event loop from turning: the longest gap between two turns of
 * a timer-free immediate chain. Invariant: the chain stops by itself when the work is done.
 */
export async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  let last = process.hrtime.bigint();
  let longest = 0n;
  let running = true;
  const turn = (): void => {
    const now = process.hrtime.bigint();
    if (now - last > longest) longest = now - last;
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await new Promise((resolve) => setImmediate(resolve));
  longest = 0n;
  await work();
  await new Promise((resolve) => setImmediate(resolve));
  running = false;
  return Number(longest) / 1000;
}
