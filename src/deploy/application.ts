/**
 * The application of a gear as a push sees it: its primary cartridge's control script with the tenant's build hooks.
 * Invariant: stopping for a push is no user's stop: it leaves no stop lock, and a push starts what a user had stopped.
 */
import { controlCartridge } from '../cartridge/control.js';
import { actOnCartridge } from '../cartridge/gear-control.js';
import { primaryCartridge, type Cartridge } from '../cartridge/installed.js';
import { runActionHook } from '../cartridge/action-hooks.js';
import type { Gear } from '../gear/gear.js';
import { readStopLock, writeState } from '../gear/state.js';
import { Directory } from '../native/beneath.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { Application, BuildVerb } from './push.js';
import type { Voice } from './voice.js';

/** The tenant's hook that belongs to a verb; it runs after the cartridge's own part. */
const HOOKS: Readonly<Partial<Record<BuildVerb, string>>> = {
  'pre-build': 'pre_build',
  build: 'build',
  deploy: 'deploy',
  'post-deploy': 'post_deploy',
};
const DEPENDENCIES = ['dependencies', 'build-dependencies'];

export function requirePrimary(gear: Gear): Cartridge {
  const primary = primaryCartridge(gear);
  if (primary !== undefined) return primary;
  throw new OoError(`${gear.appName} has no cartridge that code could be deployed to. Nothing was done.`, {
    code: 'ERR_NO_PRIMARY',
    exitCode: 255,
    gear: gear.uuid,
  });
}

export function openApplication(node: Node, gear: Gear, voice: Voice): Application {
  const cartridge = requirePrimary(gear);
  return {
    name: gear.appName,
    primary: `${cartridge.name}-${cartridge.version}`,
    async control(verb) {
      await voice.hear((onOutput) => controlCartridge(node, gear, cartridge, verb, { onOutput }));
      const hook = HOOKS[verb];
      if (hook !== undefined) {
        const keep = verb === 'deploy' || verb === 'post-deploy';
        await voice.hear((onOutput) => runActionHook(node, gear, hook, { onOutput, keep }));
      }
    },
    async stop() {
      if (readStopLock(gear) !== undefined) return;
      await voice.hear((onOutput) =>
        actOnCartridge(node, gear, cartridge, 'stop', { userInitiated: false, onOutput }),
      );
    },
    start: () => voice.hear((onOutput) => actOnCartridge(node, gear, cartridge, 'start', { onOutput })),
    setState: (state) => writeState(node, gear, state),
    async cleanDependencies() {
      using home = Directory.open(gear.home);
      using runtime = home.directory('app-root/runtime');
      for (const name of DEPENDENCIES) {
        const inside = runtime.exists(name) ? runtime.list(name) : [];
        for (const entry of inside) await runtime.removeTree(`${name}/${entry.name}`);
      }
    },
  };
}
