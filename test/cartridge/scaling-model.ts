/**
 * The autoscaler's rules once more, as fractions of big integers and in the words of the contract: capacity is the
 * average of the window over gears times sessions; the remove threshold of n gears is up * max(1 - 1/n, 0.85) - up/n.
 */
export interface Rules {
  readonly sessionsPerGear: number;
  readonly upPercent: number;
  readonly window: number;
  readonly removePolls: number;
  readonly flapSeconds: number;
}

export interface Poll {
  /** Seconds since the poll before. */
  readonly after: number;
  readonly sessions: number;
  readonly gears: number;
  /** What the broker says if it is asked after this poll. */
  readonly granted: boolean;
}

class Fraction {
  constructor(
    readonly above: bigint,
    readonly below: bigint,
  ) {}
  static of(above: number, below = 1): Fraction {
    return new Fraction(BigInt(above), BigInt(below));
  }
  times(other: Fraction): Fraction {
    return new Fraction(this.above * other.above, this.below * other.below);
  }
  minus(other: Fraction): Fraction {
    return new Fraction(this.above * other.below - other.above * this.below, this.below * other.below);
  }
  less(other: Fraction): boolean {
    return this.above * other.below < other.above * this.below;
  }
  /** With one decimal, the rest cut. */
  text(): string {
    const tenths = (this.above * 10n) / this.below;
    return `${tenths / 10n}.${tenths % 10n}`;
  }
}

export class Model {
  private now = 1_000_000_000;
  private samples: number[] = [];
  private quiet = 0;
  private lastUp = -Infinity;
  private lastEvent = -Infinity;
  private lastFailure = -Infinity;
  private gearsThen = 0;

  constructor(private readonly rules: Rules) {}

  /** The line that the shell's player prints for this poll. */
  poll({ after, sessions, gears, granted }: Poll): string {
    this.now += after;
    this.samples = [...this.samples, sessions].slice(-this.rules.window);
    const [decision, blocked] = this.decide(gears);
    const line = `${decision}|${blocked}|${this.info(gears)}`;
    if (decision !== '') this.asked(decision, gears, granted);
    return line;
  }

  private average(): Fraction {
    return Fraction.of(
      this.samples.reduce((sum, one) => sum + one, 0),
      this.samples.length,
    );
  }

  private capacity(gears: number): Fraction {
    return this.average().times(Fraction.of(100, gears * this.rules.sessionsPerGear));
  }

  private removeThreshold(gears: number): Fraction {
    if (gears === 1) return Fraction.of(1);
    const up = Fraction.of(this.rules.upPercent);
    const most = Fraction.of(1).minus(Fraction.of(1, gears));
    const least = Fraction.of(85, 100);
    return up.times(most.less(least) ? least : most).minus(up.times(Fraction.of(1, gears)));
  }

  private left(since: number): number {
    return Math.max(0, Math.min(this.rules.flapSeconds, since + this.rules.flapSeconds - this.now));
  }

  private decide(gears: number): readonly [string, string] {
    if (this.samples.length < this.rules.window) return ['', ''];
    const capacity = this.capacity(gears);
    const quiet = gears > 1 && capacity.less(this.removeThreshold(gears));
    this.quiet = quiet ? Math.min(this.rules.removePolls, this.quiet + 1) : 0;
    const wanted = capacity.less(Fraction.of(this.rules.upPercent))
      ? this.quiet >= this.rules.removePolls
        ? 'down'
        : ''
      : 'up';
    if (wanted === '') return ['', ''];
    if (this.left(this.lastFailure) > 0) return ['', 'the last request failed'];
    if (this.left(this.lastEvent) > 0 && gears === this.gearsThen)
      return ['', 'the last request is under way'];
    if (wanted === 'down' && this.left(this.lastUp) > 0) return ['', 'a gear was added not long ago'];
    return [wanted, ''];
  }

  private asked(decision: string, gears: number, granted: boolean): void {
    if (granted) {
      this.lastEvent = this.now;
      this.lastFailure = -Infinity;
      this.gearsThen = gears;
      if (decision === 'up') this.lastUp = this.now;
    } else this.lastFailure = this.now;
    this.samples = [];
    this.quiet = 0;
  }

  private info(gears: number): string {
    const { upPercent, removePolls } = this.rules;
    return [
      `GEAR_INFO - capacity: ${this.capacity(gears).text()}%`,
      `gear_count: ${gears}`,
      `sessions: ${this.average().text().replace(/\.0$/, '')}`,
      `up/remove_thresh: ${upPercent}.0%/${this.removeThreshold(gears).text()}%`,
      `sec_left_til_remove: ${this.left(this.lastUp)}`,
      `gear_remove_thresh: ${this.quiet}/${removePolls}`,
    ].join(' ');
  }
}
