/**
 * Markers: empty files in `.openshift/markers` of the pushed tree by which the tenant says how to deploy it. They are
 * read from the commit, not from a checkout, so that a push decides about itself.
 */
import type { Git } from './git.js';

export interface Markers {
  /** Lay the new code under the running application: nothing is stopped or started. */
  readonly hotDeploy: boolean;
  /** Throw fetched dependencies away before the build. */
  readonly forceCleanBuild: boolean;
}

const DIRECTORY = '.openshift/markers';

export async function readMarkers(git: Git, commit: string): Promise<Markers> {
  const names = ['hot_deploy', 'force_clean_build'].map((name) => `${DIRECTORY}/${name}`);
  const found = (await git.output(['ls-tree', '--name-only', '--full-tree', commit, '--', ...names])).split(
    '\n',
  );
  return { hotDeploy: found.includes(names[0]!), forceCleanBuild: found.includes(names[1]!) };
}
