/**
 * Many pieces of work side by side, a bounded number at once. One that takes long, as a hook that waits for something
 * does, gives its place to the next, so that what is quick does not wait for what is slow. Invariant: every piece is
 * begun in the order of the list, and all have ended when the promise resolves.
 */
const PLACES = 16;
/** Milliseconds after which a piece of work no longer holds its place. */
const PATIENCE = 1000;
/** Running at once, whether they hold a place or not. */
const MOST = 128;

/** The tasks may not reject. */
export function sideBySide(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiting = [...tasks];
    let places = PLACES;
    let running = 0;
    const begin = (task: () => Promise<void>): void => {
      let held = 1;
      const giveBack = (): void => {
        places += held;
        held = 0;
        next();
      };
      places -= 1;
      running += 1;
      const timer = setTimeout(giveBack, PATIENCE);
      task().then(() => {
        clearTimeout(timer);
        running -= 1;
        giveBack();
      }, reject);
    };
    const next = (): void => {
      while (places > 0 && running < MOST) {
        const task = waiting.shift();
        if (task === undefined) break;
        begin(task);
      }
      if (running === 0 && waiting.length === 0) resolve();
    };
    next();
  });
}
