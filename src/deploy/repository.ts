/**
 * The gear's git repository, made once when its first deployable cartridge is configured: from a template directory,
 * from a url, or empty; then its first checkout. Root makes the directory, the hooks and the settings through beneath;
 * everything git does, it does as the gear. Invariant: after a failure `removeRepository` leaves no trace of it.
 */
import { executeInGear } from '../gear/execute.js';
import { gearEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { renewDirectories } from '../gear/home.js';
import { fileLabel, labelOption } from '../gear/label.js';
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import { CodeSwap } from './code-swap.js';
import { Git, type RunInGear } from './git.js';
import { writeGitSettings, writeHooks } from './git-hooks.js';
import { cloneFailed, parseSourceUrl } from './source-url.js';

export interface RepositorySource {
  /** Absolute path of a directory the gear can read. */
  readonly template?: string;
  /** What the broker was given; the word `empty` makes a repository without a commit. */
  readonly url?: string;
  /** `php application phpapp`, shown by git web pages. */
  readonly description: string;
}

export const DEFAULT_BRANCH = 'master';
/** Held while a deployment of the gear runs. */
export const DEPLOY_LOCK = 'app-root/runtime/.deploy_lock';

const TEMPLATE_AUTHOR = { name: 'Template builder', email: 'builder@example.com' };

export function repositoryPath(gear: Pick<Gear, 'home' | 'appName'>): string {
  return `${gear.home}/git/${gear.appName}.git`;
}

/** Make the repository and lay its code into the gear; the reply text of `configure`. */
export async function createRepository(node: Node, gear: Gear, source: RepositorySource): Promise<string> {
  const url = source.url === undefined || source.url === 'empty' ? undefined : parseSourceUrl(source.url);
  const run: RunInGear = (command) => executeInGear(node, gear, command);
  const git = new Git(run, repositoryPath(gear));
  const code = new CodeSwap(gear.home);
  const { index } = code;
  const name = `git/${gear.appName}.git`;
  const label = labelOption(fileLabel(node, gear.uid));
  using home = Directory.open(gear.home);
  if (home.exists(`${name}/HEAD`)) {
    throw new OoError(`Gear ${gear.uuid} already has the repository ${git.directory}. Nothing was done.`, {
      code: 'ERR_REPOSITORY_EXISTS',
      gear: gear.uuid,
    });
  }
  if (!home.exists('git'))
    home.makeDirectory('git', { mode: 0o750, owner: { uid: 0, gid: gear.gid }, ...label });
  home.makeDirectory(name, { mode: 0o755, owner: gear, existing: true, ...label });
  writeGitSettings(home, label);

  let output: string;
  if (url === undefined) {
    output = await git.output([
      'init',
      '--bare',
      '--template=',
      `--initial-branch=${DEFAULT_BRANCH}`,
      git.directory,
    ]);
    if (source.url === undefined && source.template !== undefined)
      await commitTemplate(git, source.template, index);
  } else {
    const cloned = await git.clone(url.url);
    if (cloned.exitCode !== 0) throw cloneFailed(url, cloned.stderr.toString('utf8'));
    await chooseBranch(git, url.ref).catch((cause: unknown) => {
      throw cloneFailed(url, cause);
    });
    output = `Cloning git repository from remote '${url.shown}'.\n`;
  }
  using repository = home.directory(name);
  repository.write('description', `${source.description}\n`, { mode: 0o644, owner: gear, ...label });
  writeHooks(repository, { gid: gear.gid, program: `${node.config.libexecDir}/bin/gear` }, label);
  output += await firstCheckout(node, gear, git, index);
  await code.finish();
  return output;
}

/** Take the repository away again, with the code it laid out and the record of its deployments; absent is fine. */
export async function removeRepository(node: Node, gear: Gear): Promise<void> {
  using home = Directory.open(gear.home);
  if (home.exists('git')) await home.removeTree(`git/${gear.appName}.git`);
  await new CodeSwap(gear.home).finish();
  await home.removeTree(DEPLOY_LOCK);
  await renewDirectories(node, gear, ['app-root/runtime/repo', 'app-deployments', 'app-deployments/by-id']);
}

/** One commit of everything in the template, made without copying it: the index alone stands between. */
async function commitTemplate(git: Git, template: string, index: string): Promise<void> {
  const { name, email } = TEMPLATE_AUTHOR;
  const env = {
    GIT_WORK_TREE: template,
    GIT_INDEX_FILE: index,
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
  await git.output(['add', '--force', '--', '.'], { env, cwd: template });
  await git.output(['commit', '--quiet', '--allow-empty', '--no-verify', '--message=Creating template'], {
    env,
    cwd: template,
  });
}

/** The application's branch is `master`: what was asked for after `#`, else what the remote calls its own. */
async function chooseBranch(git: Git, ref: string | undefined): Promise<void> {
  const wanted = await git.resolve(ref ?? `refs/heads/${DEFAULT_BRANCH}`);
  const commit = wanted ?? (ref === undefined ? await git.resolve('HEAD') : undefined);
  if (commit === undefined) {
    if (ref === undefined) return; // an empty remote
    throw new OoError(`the repository has no ${ref}`, { code: 'ERR_GIT' });
  }
  await git.output(['update-ref', `refs/heads/${DEFAULT_BRANCH}`, commit]);
  await git.output(['symbolic-ref', 'HEAD', `refs/heads/${DEFAULT_BRANCH}`]);
}

/** Lay the branch into the gear's repo directory; its text names where git ran and where it came back to. */
async function firstCheckout(node: Node, gear: Gear, git: Git, index: string): Promise<string> {
  const environment = gearEnvironment(node, gear);
  const temporary = (environment['OPENSHIFT_TMP_DIR'] ?? gear.home).replace(/(.)\/+$/, '$1');
  const commit = await git.resolve(`refs/heads/${DEFAULT_BRANCH}`);
  if (commit !== undefined) {
    const directory = environment['OPENSHIFT_REPO_DIR'] ?? `${gear.home}/app-root/runtime/repo/`;
    await git.checkOut(commit, directory, index, temporary);
  }
  return `${git.directory} ${temporary}\n${temporary}\n`;
}
