// Reads TAP as it comes from a test file: counts assertions, not the summaries of their subtests, and keeps each failure
// with its path of names and the block that explains it.
const point = /^( *)(not )?ok\b *(\d+)?(?: - )?(.*)$/;

export class TapReader {
  passed = 0;
  failures = [];
  #rest = '';
  #levels = []; // for each depth: have test points of this depth been seen since the last one above?
  #names = [];
  #block;
  #bailed;
  #planned = false;

  write(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (this.#block !== undefined) {
      if (/^ *\.\.\.\s*$/.test(line)) this.#block = undefined;
      else this.#block.push(line);
      return;
    }
    if (/^1\.\.\d+/.test(line)) this.#planned = true;
    const subtest = /^( *)# Subtest: (.*)$/.exec(line);
    if (subtest) {
      this.#names[Math.floor(subtest[1].length / 4)] = subtest[2];
      return;
    }
    if (/^ *Bail out!/.test(line)) this.#bailed = line.trim();
    if (/^ *---\s*$/.test(line) && this.failures.at(-1)?.fresh) {
      this.#block = this.failures.at(-1).details;
      this.failures.at(-1).fresh = false;
      return;
    }
    const found = point.exec(line);
    if (!found) return;
    for (const failure of this.failures) failure.fresh = false;
    const depth = Math.floor(found[1].length / 4);
    const isSummary = this.#levels.length > depth + 1 && this.#levels[depth + 1].seen;
    const failedBelow = isSummary && this.#levels[depth + 1].failed;
    const title = found[4].replace(/\s+#\s*time=.*$/, '');
    const directive = /#\s*(skip|todo)\b/i.test(found[4]);
    const failed = found[2] !== undefined && !directive;
    this.#levels.length = Math.min(this.#levels.length, depth + 1);
    while (this.#levels.length <= depth) this.#levels.push({ seen: false, failed: false });
    this.#levels[depth].seen = true;
    if (failed) this.#levels[depth].failed = true;
    if (directive) return;
    const path = [...this.#names.slice(0, depth).filter(Boolean), title].join(' > ');
    if (failed && !failedBelow) this.failures.push({ name: path, details: [], fresh: true });
    else if (!failed && !isSummary) this.passed++;
  }

  /** The end of the process: a file that died, or tested nothing without saying so, has failed even if no line says so. */
  end(status, file) {
    this.#line(this.#rest);
    const fail = (what) => this.failures.push({ name: `${file} ${what}`, details: [] });
    if (this.#bailed) fail(this.#bailed);
    else if (status !== 0 && this.failures.length === 0) fail(`ended with ${status}`);
    else if (this.passed === 0 && this.failures.length === 0 && !this.#planned) fail('tested nothing');
  }
}
