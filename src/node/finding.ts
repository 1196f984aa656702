/**
 * What a look at the node or at a gear found missing. Invariant: whoever says what is wrong also says which command
 * mends it; a finding without one cannot be made.
 */
export interface Finding {
  /** The layer or the check, in one or two words. */
  readonly layer: string;
  /** A sentence without its full stop. */
  readonly wrong: string;
  /** A command line for root. */
  readonly mend: string;
}

/** `0640`, as chmod and ls -l of coreutils know it. */
export function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** What of owner, group and mode is not as it shall be, with the command that puts all of it right. */
export function ownershipFinding(
  layer: string,
  path: string,
  found: Ownership,
  shall: Ownership,
): readonly Finding[] {
  const text = ({ uid, gid, mode }: Ownership): string => `${uid}:${gid} ${modeText(mode)}`;
  if (text(found) === text(shall)) return [];
  return [
    {
      layer,
      wrong: `${path} is ${text(found)}, and shall be ${text(shall)}`,
      mend: `chown ${shall.uid}:${shall.gid} ${path} && chmod ${modeText(shall.mode)} ${path}`,
    },
  ];
}
