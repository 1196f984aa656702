// The options of a disposable host, read once from an argument vector and checked, so that what reaches the shell
// scripts beside this file can only be a plain word, a number or an address. No dependency: works in a clean clone.
import { isIP } from 'node:net';

const usage = `usage: npm run host -- [OPTION]... [--] [COMMAND [ARGUMENT]...]
Runs COMMAND (default: a shell) in a disposable host: own mounts, processes, name, network and cgroups.
  --hostname NAME    the host's name (default: host-ID)
  --address IP       adds IP to a network device inside; may be given again
  --disk[=NAME]      keeps what is written on an ext4 image; with NAME it is there again at the next start
  --forget-disk NAME removes the image of that name and ends
  --link             joins the host to the machine: address in OO_HOST_ADDRESS, the machine's end in OO_HOST_MACHINE
  --cable NAME=IP    joins the hosts that name the same cable, and nothing else: device cable0 with IP/24
  --env K=V          sets a variable inside; may be given again
  --clean-env        starts from PATH, HOME and LANG instead of the caller's environment
  --sweep            removes what killed runners have left, and ends
`;

const word = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** Thrown for a wrong command line; the message is one sentence for the person who typed it. */
export class UsageError extends Error {}

function check(condition, sentence) {
  if (!condition) throw new UsageError(sentence);
}

/** Reads the options in front of the command; everything from the first other word on is the command. */
export function parseHostOptions(argv) {
  const options = {
    hostname: undefined,
    addresses: [],
    cable: undefined,
    disk: undefined,
    link: false,
    env: {},
    cleanEnv: false,
  };
  const rest = [...argv];
  const setters = {
    '--hostname': (value) => {
      check(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(value), `'${value}' is no host name.`);
      options.hostname = value;
    },
    '--address': (value) => {
      check(isIP(value) !== 0, `'${value}' is no IP address.`);
      options.addresses.push(value);
    },
    '--cable': (value) => {
      const [name, address, ...more] = value.split('=');
      check(
        word.test(name) && isIP(address ?? '') === 4 && more.length === 0,
        `'${value}' is not of the form NAME=ADDRESS with an IPv4 address.`,
      );
      check(options.cable === undefined, 'A host is joined to one cable; --cable was given twice.');
      options.cable = { name, address };
    },
    '--forget-disk': (value) => {
      check(word.test(value), `'${value}' is no name of a disk.`);
      options.forgetDisk = value;
    },
    '--env': (value) => {
      const at = value.indexOf('=');
      check(
        at > 0 && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value.slice(0, at)),
        `'${value}' is not of the form K=V.`,
      );
      options.env[value.slice(0, at)] = value.slice(at + 1);
    },
    '--info-fd': (value) => {
      check(/^[0-9]{1,3}$/.test(value), `'${value}' is no descriptor.`);
      options.infoFd = Number(value);
    },
  };
  const flags = {
    '--link': () => (options.link = true),
    '--disk': () => (options.disk = ''),
    '--clean-env': () => (options.cleanEnv = true),
    '--sweep': () => (options.sweep = true),
    '--help': () => (options.help = usage),
  };
  while (rest.length > 0 && rest[0].startsWith('-')) {
    const argument = rest.shift();
    if (argument === '--') break;
    const [name, ...tail] = argument.split('=');
    const inline = tail.length > 0 ? tail.join('=') : undefined;
    if (name === '--disk' && inline !== undefined) {
      check(word.test(inline), `'${inline}' is no name of a disk.`);
      options.disk = inline;
    } else if (flags[name] !== undefined && inline === undefined) {
      flags[name]();
    } else {
      check(setters[name] !== undefined, `Unknown option ${argument}; see --help.`);
      const value = inline ?? rest.shift();
      check(value !== undefined, `Option ${name} needs a value.`);
      setters[name](value);
    }
  }
  return { ...options, command: rest.length > 0 ? rest : [process.env.SHELL || '/bin/bash'] };
}
