/**
 * A gear's home: made whole under a hidden name and then moved into place, moved away and then removed. The
 * move is the moment the account can be used (before it there is no `authorized_keys`) or no longer can.
 * Invariant: the name `<uuid>` stands for a complete home or for none, and a complete home is on the disk
 * before it gets that name.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Directory, type Ownership } from '../native/beneath.js';
import type { Node } from '../node/node.js';
import { doomedName, homeOf, unfinishedName } from './home-path.js';
import { homeDirectories, homeFiles, homeLinks, type Owner, type TreeFile } from './home-tree.js';
import { fileLabel, labelOption } from './label.js';

export interface HomeOwner {
  readonly uuid: string;
  readonly uid: number;
  readonly gid: number;
}

async function inBase<T>(node: Node, work: (base: Directory) => T | Promise<T>): Promise<T> {
  const base = Directory.open(node.paths.gearBase);
  try {
    return await work(base);
  } finally {
    base.close();
  }
}

function ownersOf(gear: HomeOwner): Readonly<Record<Owner, Ownership>> {
  return {
    root: { uid: 0, gid: gear.gid },
    gear: { uid: gear.uid, gid: gear.gid },
    hidden: { uid: 0, gid: 0 },
  };
}

/** Entries made in one go before other work of this process gets its turn. */
const TURN = 8;

async function build(
  node: Node,
  home: Directory,
  gear: HomeOwner,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const label = labelOption(fileLabel(node, gear.uid));
  const owners = ownersOf(gear);
  const write = ({ path, owner, mode, content }: TreeFile): void =>
    home.write(path, content, { mode, owner: owners[owner], durable: false, ...label });
  const entries = [
    ...homeDirectories.map(
      ({ path, owner, mode }) =>
        () =>
          home.makeDirectory(path, { mode, owner: owners[owner], ...label }),
    ),
    ...homeFiles.map((file) => () => write(file)),
    ...homeLinks.map(
      ({ path, target }) =>
        () =>
          home.symlink(target, path, owners.root),
    ),
    ...Object.entries(variables).map(
      ([name, content]) =>
        () =>
          write({ path: `.env/${name}`, owner: 'root', mode: 0o644, content }),
    ),
  ];
  for (const [index, make] of entries.entries()) {
    if (index % TURN === TURN - 1) await nextTurn();
    make();
  }
}

/** Makes the home and puts it in place. */
export async function makeHome(
  node: Node,
  gear: HomeOwner,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  await inBase(node, async (base) => {
    const name = unfinishedName(gear.uuid);
    const label = labelOption(fileLabel(node, gear.uid));
    base.makeDirectory(name, { mode: 0o700, owner: { uid: 0, gid: 0 }, ...label });
    const home = base.directory(name);
    try {
      await build(node, home, gear, variables);
    } finally {
      home.close();
    }
    await base.syncAll();
    base.chown(name, { uid: 0, gid: gear.gid });
    base.chmod(name, 0o750);
    base.rename(name, gear.uuid);
  });
}

/** Removes the home, finished or not; an absent one is fine. */
export async function removeHome(node: Node, uuid: string): Promise<void> {
  await inBase(node, async (base) => {
    if (base.exists(uuid)) {
      await base.removeTree(doomedName(uuid)); // of an earlier attempt
      base.rename(uuid, doomedName(uuid));
    }
    await base.removeTree(doomedName(uuid));
    await base.removeTree(unfinishedName(uuid));
  });
}

/** Directories of the home as they were at birth: empty, whatever the tenant has put there or in their place. */
export async function renewDirectories(node: Node, gear: HomeOwner, paths: readonly string[]): Promise<void> {
  using home = Directory.open(homeOf(node, gear.uuid));
  const label = labelOption(fileLabel(node, gear.uid));
  const owners = ownersOf(gear);
  for (const { path, owner, mode } of homeDirectories) {
    if (!paths.includes(path)) continue;
    await home.removeTree(path);
    home.makeDirectory(path, { mode, owner: owners[owner], ...label });
  }
}

/** Does anything stand in the way of a new home of that name? */
export function homeIsFree(node: Node, uuid: string): boolean {
  const base = Directory.open(node.paths.gearBase);
  try {
    return [uuid, unfinishedName(uuid), doomedName(uuid)].every((name) => !base.exists(name));
  } finally {
    base.close();
  }
}

/** Removes the note of the gear's last access. */
export function forgetLastAccess(node: Node, uuid: string): void {
  let directory: Directory;
  try {
    directory = Directory.open(node.paths.lastAccess);
  } catch {
    return; // nobody has noted any access on this node
  }
  try {
    directory.unlink(uuid, { missing: true });
  } finally {
    directory.close();
  }
}
