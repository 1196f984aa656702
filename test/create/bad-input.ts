/**
 * What can be wrong with a request for a gear, as data: the options that differ from a right request, the exit code of
 * the facts, and a word that the one sentence on standard error must hold.
 */
export interface BadInput {
  readonly what: string;
  /** Options laid over those of a right request; undefined takes one away. */
  readonly options?: Readonly<Record<string, string | undefined>>;
  /** Arguments after the options, as they stand. */
  readonly more?: readonly string[];
  readonly exit: number;
  readonly says: RegExp;
}

const UUID = 'with-container-uuid';
const NAME = 'with-app-name';
const GEAR = 'with-container-name';
const NAMESPACE = 'with-namespace';
const APP = 'with-app-uuid';
const UID = 'with-uid';
const BLOCKS = 'with-quota-blocks';
const FILES = 'with-quota-files';

const uuid = (what: string, value: string, exit = 255, says = /uuid/): BadInput => ({
  what: `uuid ${what}`,
  options: { [UUID]: value },
  exit,
  says,
});
const option = (
  name: string,
  what: string,
  value: string | undefined,
  says: RegExp,
  exit = 255,
): BadInput => ({
  what: `--${name} ${what}`,
  options: { [name]: value },
  exit,
  says,
});

export const badInputs: readonly BadInput[] = [
  {
    what: 'an unknown option',
    more: ['--with-everything'],
    exit: 255,
    says: /Unknown option '--with-everything'/,
  },
  { what: 'an option without its value', more: ['--with-uid'], exit: 255, says: /argument missing/ },
  {
    what: 'a value that looks like an option',
    more: ['--with-app-name', '-x'],
    exit: 255,
    says: /ambiguous/,
  },
  { what: 'an argument too many', more: ['phpapp'], exit: 255, says: /no place for the argument "phpapp"/ },
  { what: 'a switch with a value', more: ['--debug=yes'], exit: 255, says: /does not take an argument/ },

  option(UUID, 'missing', undefined, /--with-container-uuid is required/),
  uuid('empty', ''),
  uuid('with ../', '../cc9beb39785a45b9b97bdc6951fc8d'),
  uuid('..', '..'),
  uuid('.', '.'),
  uuid('with a slash', 'a/b'),
  uuid('with a newline', 'cc9beb39\nroot'),
  uuid('with a newline at its end', 'cc9beb39\n'),
  uuid('of 33 characters', 'c'.repeat(33)),
  uuid('with a blank', 'cc9b eb39'),
  uuid('with a colon', 'cc9b:0:0'),
  uuid('with a dash in front', '-rf'),
  uuid('with a command in it', '$(id)'),
  uuid('with a star', '*'),
  uuid('in another alphabet', 'ｃｃ９ｂ'),
  uuid('with an escape sequence', 'cc\x1b[2J'),
  uuid('of 300 characters', 'c'.repeat(300), 255, /--with-container-uuid|uuid/),
  uuid('all digits, a uid of this node', '0', 129, /also a uid/),
  uuid('all digits, a uid that a gear could get', '507', 129, /also a uid/),
  uuid('the name of an account', 'root', 129, /exists/),
  uuid('the name of a group', 'shadow', 129, /exists/),

  option(NAME, 'missing', undefined, /application name is missing/),
  option(NAME, 'empty', '', /application name is missing/),
  option(NAME, 'with a dash in front', '-x', /application name/),
  option(NAME, 'with an underscore', 'php_app', /application name/),
  option(NAME, 'with a dot', 'php.app', /application name/),
  option(NAME, 'of 33 characters', 'a'.repeat(33), /application name/),
  option(NAME, 'with a newline', 'php\napp', /application name/),
  option(NAME, 'with an umlaut', 'phpäpp', /application name/),
  option(GEAR, 'with a blank', 'php app', /gear name/),
  option(GEAR, 'with ../', '../app', /gear name/),
  option(GEAR, 'of 33 characters', 'a'.repeat(33), /gear name/),
  option(NAMESPACE, 'missing', undefined, /namespace is missing/),
  option(NAMESPACE, 'empty', '', /namespace is missing/),
  option(NAMESPACE, 'of 17 characters', 'n'.repeat(17), /namespace/),
  option(NAMESPACE, 'with a dash', 'de-mo', /namespace/),
  option(NAMESPACE, 'with a newline', 'demo\n', /namespace/),
  option(APP, 'with ../', '../..', /uuid/),
  option(APP, 'of 33 characters', 'a'.repeat(33), /uuid/),

  option(UID, '0', '0', /uid/),
  option(UID, 'below zero', '-1', /uid/),
  option(UID, 'no number', 'many', /uid/),
  option(UID, 'in hexadecimal', '0x1fb', /uid/),
  option(UID, 'with an exponent', '1e3', /uid/),
  option(UID, 'a fraction', '507.5', /uid/),
  option(UID, 'with a blank in front', ' 507', /uid/),
  option(UID, 'beyond 32 bits', '4294967296', /uid/),
  option(UID, 'below the range', '506', /range/, 129),
  option(UID, 'above the range', '7000', /range/, 129),
  option(UID, 'of a gear that is there', '600', /uid or gid exists/, 129),
  option(UID, 'of a group that is there', '601', /uid or gid exists/, 129),

  option(BLOCKS, '0', '0', /quota/),
  option(BLOCKS, 'below zero', '-5', /quota/),
  option(BLOCKS, 'no number', 'all', /quota/),
  option(FILES, 'with an exponent', '1e9', /quota/),
  option('with-secret-token', 'of 5000 characters', 's'.repeat(5000), /token/),
];
