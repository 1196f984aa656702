/**
 * The gear's record of its deployments, `app-deployments`: one directory each, named by the time it was made, with
 * `metadata.json`; `by-id/ID` and `current` lead to it. Invariant: the record of a deployment is there, with its
 * markers, before its build begins (cartridges read it) and names an activation only after the application started
 * with it; `current` is replaced by rename, so it always leads somewhere.
 */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { stamp } from '../host/clock.js';
import { Directory } from '../native/beneath.js';

const FOLDER = 'app-deployments';
const NAME = /^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.\d{3}$/;

const schema = v.object({
  git_ref: v.optional(v.string(), 'master'),
  git_sha1: v.optional(v.nullable(v.string()), null),
  id: v.optional(v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/))), null),
  hot_deploy: v.optional(v.nullable(v.boolean()), null),
  force_clean_build: v.optional(v.nullable(v.boolean()), null),
  activations: v.optional(v.array(v.number()), []),
  checksum: v.optional(v.nullable(v.string()), null),
});
type Metadata = v.InferOutput<typeof schema>;

export interface DeploymentRecord extends Metadata {
  readonly name: string;
  readonly current: boolean;
}

export interface DeploymentInput {
  readonly branch: string;
  readonly shortId: string;
  readonly hotDeploy: boolean;
  readonly forceCleanBuild: boolean;
}

export class Deployments {
  constructor(
    private readonly home: string,
    /** How many are kept, this one included; from OPENSHIFT_KEEP_DEPLOYMENTS. */
    private readonly keep = 1,
  ) {}

  list(): readonly DeploymentRecord[] {
    using folder = this.#open();
    return records(folder);
  }

  /** A record of the build that is about to begin; its name. */
  async begin(input: DeploymentInput, now = new Date()): Promise<string> {
    using folder = this.#open();
    let time = now.getTime();
    while (folder.exists(stamp(new Date(time)))) time += 1;
    const name = stamp(new Date(time));
    folder.makeDirectory(name, { mode: 0o750 });
    write(folder, name, {
      git_ref: input.branch,
      git_sha1: input.shortId,
      id: randomBytes(4).toString('hex'),
      hot_deploy: input.hotDeploy,
      force_clean_build: input.forceCleanBuild,
      activations: [],
      checksum: null,
    });
    return name;
  }

  /** It runs: noted, and the current one from now on. Its id. */
  async activate(name: string, now = new Date()): Promise<string> {
    using folder = this.#open();
    const metadata = read(folder, name);
    const id = metadata.id ?? randomBytes(4).toString('hex');
    write(folder, name, { ...metadata, id, activations: [...metadata.activations, now.getTime() / 1000] });
    folder.makeDirectory('by-id', { mode: 0o750, existing: true });
    pointTo(folder, `by-id/${id}`, `../${name}`);
    pointTo(folder, 'current', name);
    await prune(folder, this.keep);
    return id;
  }

  /** It did not come to run. */
  async abandon(name: string): Promise<void> {
    using folder = this.#open();
    await remove(folder, name);
  }

  #open(): Directory {
    using home = Directory.open(this.home);
    return home.directory(FOLDER);
  }
}

function read(folder: Directory, name: string): Metadata {
  const text = folder.tryReadText(`${name}/metadata.json`, 65_536) ?? '';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = {}; // empty or cut off: the gear's quota was full
  }
  const result = v.safeParse(schema, value);
  return result.success ? result.output : v.parse(schema, {});
}

function write(folder: Directory, name: string, metadata: Metadata): void {
  folder.write(`${name}/metadata.json`, `${JSON.stringify(metadata)}\n`, { mode: 0o644 });
}

function currentName(folder: Directory): string | undefined {
  try {
    return folder.readlink('current');
  } catch {
    return undefined;
  }
}

function records(folder: Directory): DeploymentRecord[] {
  const current = currentName(folder);
  return folder
    .list()
    .filter((entry) => entry.type === 'directory' && NAME.test(entry.name))
    .map(({ name }) => ({ name, current: name === current, ...read(folder, name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The oldest go until only as many as are to be kept are left; never the current one. */
async function prune(folder: Directory, keep: number): Promise<void> {
  const candidates = records(folder).filter((record) => !record.current);
  const spare = candidates.length - Math.max(keep - 1, 0);
  for (const { name } of candidates.slice(0, Math.max(spare, 0))) await remove(folder, name);
}

async function remove(folder: Directory, name: string): Promise<void> {
  const { id } = read(folder, name);
  if (id !== null) folder.unlink(`by-id/${id}`, { missing: true });
  await folder.removeTree(name);
}

function pointTo(folder: Directory, path: string, target: string): void {
  const temporary = `${path}.new`;
  folder.unlink(temporary, { missing: true });
  folder.symlink(target, temporary);
  folder.rename(temporary, path);
}
