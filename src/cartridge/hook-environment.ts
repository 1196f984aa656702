/**
 * The environment of the scripts whose lines the broker acts on (setup, install, post_install, teardown). A tenant can
 * write variables of its own beside a cartridge's. Invariant: nothing the tenant wrote decides which programs or
 * libraries these scripts load, and the platform's variables are the platform's.
 */
import { Directory } from '../native/beneath.js';
import { gearEnvironment, readEnvironment, type Variables } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { readGlobalEnvironment } from '../node/global-environment.js';
import type { Node } from '../node/node.js';
import type { Cartridge } from './installed.js';

const SYSTEM_PATH = '/bin:/usr/bin:/usr/sbin:/sbin';
/** Where the shell functions for cartridges are, unless the node's configuration says otherwise. */
export function sdkVariables(node: Node): Variables {
  return { OPENSHIFT_CARTRIDGE_SDK_BASH: `${node.config.libexecDir}/cartridges/sdk/bash/sdk` };
}

/**
 * What the tenant may say to such a script: words of the platform's own kind. Of all other names none can be told to be
 * harmless: OPENSSL_CONF, TAR_OPTIONS or JAVA_TOOL_OPTIONS load code before a program's first line.
 */
const ofThePlatform = /^OPENSHIFT_/;
const OF_THE_ACCOUNT: ReadonlySet<string> = new Set(['HOME', 'USER', 'LOGNAME']);

/** What is laid over the gear's environment for such a script. */
export function trustedOverlay(node: Node, gear: Gear, cartridge: Cartridge): Variables {
  const overlay: Variables = {};
  for (const name of Object.keys(gearEnvironment(node, gear, { cartridge: cartridge.directory })))
    if (!ofThePlatform.test(name) && !OF_THE_ACCOUNT.has(name)) overlay[name] = '';
  const short = `OPENSHIFT_${cartridge.manifest.shortName}`;
  using env = Directory.open(`${cartridge.path}/env`);
  const own: Variables = {};
  for (const name of [`${short}_DIR`, `${short}_IDENT`]) own[name] = env.tryReadText(name) ?? '';
  return {
    ...overlay,
    ...sdkVariables(node),
    ...readGlobalEnvironment(node.paths.globalEnvironment),
    ...readEnvironment(gear),
    ...own,
    SHELL: '/bin/bash',
    PATH: SYSTEM_PATH,
  };
}
