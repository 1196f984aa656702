/**
 * One marked block in a PAM service file, as text: where pam_oo must stand in the sshd stack, and its removal.
 * Invariants: inserting twice is the same as once; removing gives back, to the byte, what was there before; the block
 * stands before anything that would give a gear's session more than the gear has (pam_systemd starts a user manager
 * outside its control groups, pam_selinux an unconfined label, pam_env what a file in its home says).
 */
import { OoError } from '../native/error.js';

export interface PamModule {
  /** Absolute path of pam_oo.so. */
  readonly path: string;
  /** Directory of the confinement files. */
  readonly confinementDir: string;
  /** GEAR_GECOS: what marks an account as a gear's even when its confinement file is lost. */
  readonly gecos: string;
}

const BEGIN = '# BEGIN oo-node: sessions of gears (oo-admin-node-setup writes and removes this block)\n';
const END = '# END oo-node\n';

/**
 * Success ends the stack: nothing after the block concerns a gear. An account that is no gear's is ignored and goes on
 * as before. A module file that is missing must not lock the administrator out; oo-login then refuses the gears.
 */
const CONTROL = '[success=done ignore=ignore module_unknown=ignore default=die]';

/** A session line after which a gear would have too much: an included stack, or one of these modules. */
const anchor =
  /^(?:@include[ \t]+\S*session\S*|-?session[ \t]+(?:include|substack)[ \t]|-?session[ \t]+(?:\[[^\]]*\]|\S+)[ \t]+\S*pam_(?:systemd|namespace|env|limits|motd|mail|unix)\.so|-?session[ \t]+(?:\[[^\]]*\]|\S+)[ \t]+\S*pam_selinux\.so[ \t]+(?:\S+[ \t]+)*open)/m;

function word(value: string, what: string): string {
  if (/^[!-Z\\^-~]+$/.test(value)) return value;
  throw new OoError(
    `${JSON.stringify(value)} cannot stand in a PAM service file as ${what}. Nothing was changed.`,
    {
      code: 'ERR_PAM_WORD',
    },
  );
}

export function pamBlock(module: PamModule): string {
  const argumentsOf = [
    word(`dir=${module.confinementDir}`, 'the directory of confinement files'),
    word(`gecos=${module.gecos.replaceAll(' ', '_')}`, 'the mark of gears'),
  ].join(' ');
  return `${BEGIN}session ${CONTROL} ${word(module.path, 'a module')} ${argumentsOf}\n${END}`;
}

export function hasPamBlock(text: string): boolean {
  return text.includes(BEGIN);
}

/** The text with the block in its place. */
export function insertPamBlock(text: string, module: PamModule): string {
  const bare = removePamBlock(text);
  const at = anchor.exec(bare)?.index ?? 0;
  return bare.slice(0, at) + pamBlock(module) + bare.slice(at);
}

/** The text without the block; a text that has none is given back as it is. */
export function removePamBlock(text: string): string {
  const start = text.indexOf(BEGIN);
  if (start < 0) return text;
  const end = text.indexOf(END, start);
  if (end < 0 || text.indexOf(BEGIN, start + 1) >= 0) {
    throw new OoError(
      'The marked block of oo-node in the PAM service file is damaged; remove its lines by hand. Nothing was changed.',
      { code: 'ERR_PAM_BLOCK' },
    );
  }
  return text.slice(0, start) + text.slice(end + END.length);
}
