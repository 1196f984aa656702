/** The receiving side of a synchronization: what an earlier one that was cut off has left of several folders. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import t from 'tap';

const receiver = fileURLToPath(new URL('../../../cartridges/sdk/bin/code-receiver', import.meta.url));
const FOLDERS = ['php-5.3/repo', 'php-5.3/deployments'];

/** The two folders with what stands in and beside each: the code, what was coming, what was former. */
function laidOut(
  home: string,
  states: readonly Readonly<Partial<Record<'code' | 'coming' | 'former', string>>>[],
): void {
  FOLDERS.forEach((folder, at) => {
    const parent = `${home}/php-5.3`;
    const name = folder.split('/')[1]!;
    const place = { code: name, coming: `.${name}-coming`, former: `.${name}-former` };
    for (const [kind, text] of Object.entries(states[at] ?? {})) {
      const path = `${parent}/${place[kind as keyof typeof place]}`;
      mkdirSync(path, { recursive: true });
      writeFileSync(`${path}/version`, text);
    }
  });
}

async function settled(home: string): Promise<readonly string[]> {
  mkdirSync(`${home}/app-root/runtime`, { recursive: true });
  await execa('bash', [receiver, 'guard', 'hot', ...FOLDERS], {
    input: '',
    reject: false,
    extendEnv: false,
    env: { PATH: '/usr/bin:/bin', HOME: home },
  });
  t.same(readdirSync(`${home}/php-5.3`).sort(), ['deployments', 'repo'], 'nothing stays beside the folders');
  return FOLDERS.map((folder) => readFileSync(`${home}/${folder}/version`, 'utf8'));
}

t.test('a change that ended between two folders is taken back whole', async (t) => {
  const home = t.testdir({});
  laidOut(home, [
    { code: 'new', former: 'old' },
    { code: 'old', coming: 'new' },
  ]);
  t.same(await settled(home), ['old', 'old']);
});

t.test('so is one that ended between the two renames of a folder', async (t) => {
  const home = t.testdir({});
  laidOut(home, [
    { code: 'new', former: 'old' },
    { coming: 'new', former: 'old' },
  ]);
  t.same(await settled(home), ['old', 'old']);
});

t.test('a change that had ended is kept; one that had not begun leaves the old', async (t) => {
  const ended = t.testdir({ ended: {}, staged: {} });
  laidOut(`${ended}/ended`, [
    { code: 'new', former: 'old' },
    { code: 'new', former: 'old' },
  ]);
  t.same(await settled(`${ended}/ended`), ['new', 'new']);
  laidOut(`${ended}/staged`, [{ code: 'old', coming: 'new' }, { code: 'old' }]);
  t.same(await settled(`${ended}/staged`), ['old', 'old']);
});
