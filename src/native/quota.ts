/**
 * Disk quota of a user on the file system that holds a path. Invariant: a file system without quota is an answer
 * (undefined, or false), not an error; 0 means no limit. Blocks are of 1024 bytes.
 */
import { effect } from './effect.js';
import { addon, nativeError } from './load.js';
import { checkAbsolutePath } from './path.js';

export interface QuotaLimits {
  /** Hard limits; the soft ones are 0 unless given. */
  readonly blocks: number;
  readonly inodes: number;
  readonly softBlocks?: number | undefined;
  readonly softInodes?: number | undefined;
}

export interface QuotaFigures {
  readonly used: number;
  readonly soft: number;
  readonly hard: number;
}

export interface Quota {
  readonly blocks: QuotaFigures;
  readonly inodes: QuotaFigures;
}

interface QuotaAddon {
  get(path: string, uid: number): number[] | undefined;
  set(
    path: string,
    uid: number,
    softBlocks: number,
    blocks: number,
    softInodes: number,
    inodes: number,
  ): boolean;
}

const native = (): QuotaAddon => addon<{ quota: QuotaAddon }>().quota;

export function getQuota(path: string, uid: number): Quota | undefined {
  checkAbsolutePath(path);
  const figures = attempt(`The quota of uid ${uid} at ${path} cannot be read`, () => native().get(path, uid));
  if (figures === undefined) return undefined;
  const [blocksUsed = 0, blocksSoft = 0, blocksHard = 0, inodesUsed = 0, inodesSoft = 0, inodesHard = 0] =
    figures;
  return {
    blocks: { used: blocksUsed, soft: blocksSoft, hard: blocksHard },
    inodes: { used: inodesUsed, soft: inodesSoft, hard: inodesHard },
  };
}

/** false when the file system has no quota: nothing is limited then, and the caller says so. */
export function setQuota(path: string, uid: number, limits: QuotaLimits): boolean {
  checkAbsolutePath(path);
  effect('quota.set', `${path} ${uid}`);
  const { blocks, inodes, softBlocks = 0, softInodes = 0 } = limits;
  return attempt(`The quota of uid ${uid} at ${path} was not set`, () =>
    native().set(path, uid, softBlocks, blocks, softInodes, inodes),
  );
}

function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw nativeError(error, what);
  }
}
