/**
 * The variables a gear is born with: a pure table from its names and its home. Invariant: every path of a
 * directory ends with a slash, as scripts of cartridges expect.
 */
import type { AppName, GearUuid } from './identity.js';

export interface GearNames {
  readonly uuid: GearUuid;
  readonly appUuid: GearUuid;
  readonly name: AppName;
  readonly appName: AppName;
  readonly namespace: string;
}

/** Which key a gear enters other gears of its application with. */
export function applicationKey(path: string): Readonly<Record<string, string>> {
  return { OPENSHIFT_APP_SSH_KEY: path, OPENSHIFT_APP_SSH_PUBLIC_KEY: `${path}.pub` };
}

/** Where it is looked for while no cartridge has brought one. */
export function defaultApplicationKey(home: string): Readonly<Record<string, string>> {
  return applicationKey(`${home}/.openshift_ssh/id_rsa`);
}

export function creationEnvironment(
  names: GearNames,
  home: string,
  cloudDomain: string,
  memoryBytes: number,
  secretToken?: string,
): Readonly<Record<string, string>> {
  // eslint-disable-next-line no-restricted-syntax -- the gear's own, bound there in its mount namespace
  const temporary = '/tmp/';
  return {
    OPENSHIFT_APP_DNS: `${names.appName}-${names.namespace}.${cloudDomain}`,
    OPENSHIFT_APP_NAME: names.appName,
    OPENSHIFT_APP_UUID: names.appUuid,
    ...defaultApplicationKey(home),
    OPENSHIFT_BUILD_DEPENDENCIES_DIR: `${home}/app-root/runtime/build-dependencies/`,
    OPENSHIFT_DATA_DIR: `${home}/app-root/data/`,
    OPENSHIFT_DEPENDENCIES_DIR: `${home}/app-root/runtime/dependencies/`,
    OPENSHIFT_DEPLOYMENTS_DIR: `${home}/app-deployments/`,
    OPENSHIFT_GEAR_DNS: `${names.name}-${names.namespace}.${cloudDomain}`,
    OPENSHIFT_GEAR_MEMORY_MB: String(Math.floor(memoryBytes / 1_048_576)),
    OPENSHIFT_GEAR_NAME: names.name,
    OPENSHIFT_GEAR_UUID: names.uuid,
    OPENSHIFT_HOMEDIR: `${home}/`,
    OPENSHIFT_LOG_DIR: `${home}/app-root/logs/`,
    OPENSHIFT_NAMESPACE: names.namespace,
    OPENSHIFT_REPO_DIR: `${home}/app-root/runtime/repo/`,
    ...(secretToken === undefined ? {} : { OPENSHIFT_SECRET_TOKEN: secretToken }),
    OPENSHIFT_TMP_DIR: temporary,
    GEM_HOME: `${home}/.gem`,
    HISTFILE: `${home}/app-root/data/.bash_history`,
    HOME: `${home}/`,
    TMP: temporary,
    TMPDIR: temporary,
    TMP_DIR: temporary,
  };
}
