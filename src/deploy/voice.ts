/**
 * What the person at the other end of a push or a `gear` command reads: our own lines, and the output of hooks as it
 * comes. Invariant: whoever reads may go away at any time; what is under way goes on without them.
 */
export type Hear = (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;

export class Voice {
  constructor(private readonly write: (text: string | Uint8Array) => void) {}

  readonly say = (line: string): void => {
    this.write(`${line}\n`);
  };

  /** Pass on what `work` prints while it prints; what it only hands back (notes of the node's own) is said at the end. */
  async hear(work: (onOutput: Hear) => Promise<string>): Promise<void> {
    let heard = false;
    let lineOpen = false;
    const text = await work((_stream, chunk) => {
      heard = true;
      lineOpen = chunk.at(-1) !== 0x0a;
      this.write(chunk);
    }).finally(() => {
      if (lineOpen) this.write('\n');
    });
    if (!heard && text !== '') this.write(withoutPrefixes(text));
  }
}

/** Reply lines as a person reads them. */
export function withoutPrefixes(text: string): string {
  return text.replace(/^CLIENT_(?:MESSAGE|RESULT|ERROR): ?/gm, '');
}
