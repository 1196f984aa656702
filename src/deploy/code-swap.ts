/**
 * The gear's code directory changes as a whole: the new tree is laid beside it, then both change names, and the former
 * tree stays until the deployment has held. Invariant: `app-root/runtime/repo` is the old code or the new code, never
 * a mixture; what an interrupted deployment left is put right by `settle`, which every deployment begins with.
 */
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';

const CODE = 'repo';
const COMING = '.repo-coming';
const FORMER = '.repo-former';
/** Git's list of what it laid out; in a place of its own, so that what a killed git left locked is simply removed. */
const INDEX = '.repo-index';
const MODE = 0o750;

export class CodeSwap {
  readonly #runtime: string;

  constructor(home: string) {
    this.#runtime = `${home}/app-root/runtime`;
  }

  /** Where the new tree is to be laid: an empty directory. */
  async prepare(): Promise<string> {
    using home = this.#open();
    await settle(home);
    home.makeDirectory(COMING, { mode: MODE });
    return `${this.#runtime}/${COMING}`;
  }

  get index(): string {
    return `${this.#runtime}/${INDEX}`;
  }

  /** The new tree becomes the code. */
  enter(): void {
    using home = this.#open();
    if (!home.exists(COMING))
      throw new OoError('There is no new code to enter.', { code: 'ERR_NO_NEW_CODE' });
    if (home.exists(CODE)) home.rename(CODE, FORMER);
    home.rename(COMING, CODE);
  }

  /** The former tree becomes the code again; false when there is none. */
  async goBack(): Promise<boolean> {
    using home = this.#open();
    if (!home.exists(FORMER)) return false;
    if (home.exists(CODE)) home.rename(CODE, COMING);
    home.rename(FORMER, CODE);
    await home.removeTree(COMING);
    return true;
  }

  /** The deployment held, or never entered: what is not the code goes. */
  async finish(): Promise<void> {
    using home = this.#open();
    await settle(home);
  }

  #open(): Directory {
    return openOwn(this.#runtime);
  }
}

/** The runtime directory belongs to the gear; its parents are root's, so it is opened below them. */
function openOwn(path: string): Directory {
  const at = path.indexOf('/app-root/');
  using home = Directory.open(path.slice(0, at));
  return home.directory(path.slice(at + 1));
}

async function settle(runtime: Directory): Promise<void> {
  if (!runtime.exists(CODE) && runtime.exists(FORMER)) runtime.rename(FORMER, CODE);
  for (const name of [COMING, FORMER, INDEX, `${INDEX}.lock`]) await runtime.removeTree(name);
}
