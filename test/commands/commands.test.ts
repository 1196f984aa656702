import t from 'tap';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bashCompletion, fishCompletion, zshCompletion } from '../../src/commands/completion.js';
import type { CommandDefinition, Output } from '../../src/commands/definition.js';
import { allOptions } from '../../src/commands/definition.js';
import { helpText } from '../../src/commands/help.js';
import { runCommand } from '../../src/commands/main.js';
import { manPage } from '../../src/commands/man.js';
import { parseCommand } from '../../src/commands/parse.js';

const folder = fileURLToPath(new URL('../../src/commands/', import.meta.url));
const files = readdirSync(folder).filter((name) => /^oo-[a-z-]+\.js$/.test(name));
const commands = await Promise.all(
  files.map(async (file) => ((await import(`${folder}${file}`)) as { command: CommandDefinition }).command),
);

function recorder(): Output & { readonly printed: string[]; readonly complaints: string[] } {
  const printed: string[] = [];
  const complaints: string[] = [];
  return {
    printed,
    complaints,
    print: (text) => void printed.push(text),
    complain: (text) => void complaints.push(text),
    progress() {},
    settle() {},
  };
}

t.test('every command of the issue is there, named after its file', async (t) => {
  const wanted =
    'oo-app-create oo-app-destroy oo-app-state-show oo-authorized-ssh-key-add oo-authorized-ssh-key-remove ' +
    'oo-broker-auth-key-add oo-broker-auth-key-remove oo-env-var-add oo-env-var-remove oo-cartridge-list ' +
    'oo-connector-execute oo-create-endpoints oo-delete-endpoints oo-cartridge oo-admin-cartridge oo-admin-ctl-gears oo-admin-ctl-iptables-port-proxy oo-admin-node-setup ' +
    'oo-admin-gear oo-accept-node oo-rpc';
  t.same([...commands.map(({ name }) => name)].sort(), wanted.split(' ').sort());
  t.same(
    commands.map(({ name }) => `${name}.js`),
    files,
  );
});

for (const command of commands) {
  t.test(command.name, async (t) => {
    const options = allOptions(command);
    const shorts = options.flatMap(({ short }) => short ?? []);
    t.equal(new Set(shorts).size, shorts.length, 'no short option twice');
    t.equal(new Set(options.map(({ long }) => long)).size, options.length, 'no long option twice');
    t.ok(command.exits.some(([code]) => code === 0) && command.exits.some(([code]) => code === 255));
    for (const { description } of options) t.match(description, /\.$/, 'a description is a sentence');

    const output = recorder();
    t.equal(await runCommand(command, ['--help'], output), 0, '--help is no error');
    t.equal(output.printed.join(''), helpText(command));
    t.equal(await runCommand(command, ['-?'], output), 0, 'nor is its old spelling');
    for (const { long } of options) t.match(helpText(command), `--${long}`);
    t.ok(
      helpText(command)
        .split('\n')
        .every((line) => line.length <= 100 || /oo-/.test(line)),
    );

    const wrong = recorder();
    t.equal(await runCommand(command, ['--no-such-option'], wrong), 255, 'wrong usage ends with 255');
    t.match(
      wrong.complaints.join('|'),
      new RegExp(`^Unknown option '--no-such-option'.*; see ${command.name} --help\\.$`),
    );
    t.same(wrong.printed, []);

    const page = manPage(command, '0.0.0');
    for (const section of ['NAME', 'SYNOPSIS', 'OPTIONS', 'EXIT STATUS']) t.match(page, `.SH ${section}\n`);
    t.notMatch(page, /^'/m, 'no line that roff would take for a request');
    execFileSync('/bin/bash', ['-n'], { input: bashCompletion(command) });
    t.match(zshCompletion(command), `#compdef ${command.name}\n`);
    t.match(fishCompletion(command), `complete -c ${command.name} -l help`);
  });
}

t.test('a required option, a repeated one, and what stands after --', async (t) => {
  const command: CommandDefinition = {
    name: 'oo-test',
    summary: 'Test',
    options: [
      { long: 'name', short: 'n', argument: 'NAME', required: true, description: 'A name.' },
      { long: 'also', argument: 'X', repeatable: true, description: 'More.' },
    ],
    positionals: [{ name: 'VERB', required: true, description: 'A verb.', choices: ['a', 'b'] }],
    exits: [],
    run: () => Promise.resolve(0),
  };
  const values = parseCommand(command, ['-n', 'x', '--also=1', '--also', '2', '--', 'a']);
  t.same([values.text('name'), values.list('also'), values.positionals], ['x', ['1', '2'], ['a']]);
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['a'], /^The option --name is required;/],
    [['-n', 'x'], /^VERB is missing;/],
    [['-n', 'x', 'c'], /^VERB is one of a, b, not "c";/],
    [['-n', 'x', 'a', 'b'], /^There is no place for the argument "b";/],
    [['-n', 'x\0y', 'a'], /holds a NUL/],
    [['-n'], /argument missing/],
  ];
  for (const [argv, says] of wrong)
    t.throws(() => parseCommand(command, argv), { message: says, exitCode: 255 });
});

t.test('bash offers the options of a command', async (t) => {
  const command = commands.find(({ name }) => name === 'oo-app-create');
  if (command === undefined) return t.fail();
  const script = `${bashCompletion(command)}\nCOMP_WORDS=(oo-app-create --with-ap); COMP_CWORD=1\n_oo_app_create\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const offered = execFileSync('/bin/bash', ['-c', script], { encoding: 'utf8' });
  t.equal(offered, '--with-app-uuid\n--with-app-name\n');
});
