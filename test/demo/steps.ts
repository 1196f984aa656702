// The demo's steps on the terminal: one line each with its time, a spinner meanwhile when somebody watches, and a table of
// the times at the end. A step that fails says why and ends the demo.
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export interface Step {
  readonly title: string;
  readonly milliseconds: number;
  readonly held: boolean;
}

export const inSeconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

export class Steps {
  readonly done: Step[] = [];
  readonly #terminal = process.stdout.isTTY && process.env['CI'] === undefined;

  /** Runs the work; what it returns as text is shown below the step's line. */
  async run<T>(
    title: string,
    work: () => Promise<T> | T,
    show?: (result: T) => string | undefined,
  ): Promise<T> {
    const began = performance.now();
    let frame = 0;
    const draw = (): void => {
      const spent = inSeconds(performance.now() - began);
      process.stdout.write(`\r\x1b[2K${frames[frame++ % frames.length]} ${title} ${spent}`);
    };
    const timer = this.#terminal ? setInterval(draw, 100) : undefined;
    const finish = (held: boolean): void => {
      clearInterval(timer);
      this.record(title, performance.now() - began, held);
    };
    try {
      const result = await work();
      finish(true);
      this.detail(show?.(result));
      return result;
    } catch (error) {
      finish(false);
      throw error;
    }
  }

  /** A step that somebody else has timed. */
  record(title: string, milliseconds: number, held: boolean): void {
    this.done.push({ title, milliseconds, held });
    const clear = this.#terminal ? '\r\x1b[2K' : '';
    process.stdout.write(`${clear}${held ? '✓' : '✗'} ${title} (${inSeconds(milliseconds)})\n`);
  }

  detail(text: string | undefined): void {
    for (const line of (text ?? '').trimEnd().split('\n'))
      if (line !== '') process.stdout.write(`    ${line}\n`);
  }

  table(): string {
    const width = Math.max(...this.done.map(({ title }) => title.length));
    const total = this.done.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const row = (title: string, time: number): string =>
      `  ${title.padEnd(width)}  ${inSeconds(time).padStart(9)}`;
    return [...this.done.map((step) => row(step.title, step.milliseconds)), row('together', total)].join(
      '\n',
    );
  }
}
