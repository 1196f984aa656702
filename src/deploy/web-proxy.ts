/**
 * The web proxy of an application's head gear, as a push needs it: it stops sending requests to this gear while the
 * application is stopped for its new code, and then carries that code to the other gears. Invariant: whatever the proxy
 * says or fails to do, this gear's own deployment goes on; only that other gears were left behind is an error.
 */
import { controlCartridge, type ControlOptions } from '../cartridge/control.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { isWebProxy, listCartridges } from '../cartridge/installed.js';
import type { Gear } from '../gear/gear.js';
import { OoError } from '../native/error.js';
import type { Node } from '../node/node.js';
import type { Voice } from './voice.js';

export interface WebProxy {
  /** No requests to the application in this gear from now on; those that run have ended when it returns. */
  takeOut(): Promise<void>;
  putIn(): Promise<void>;
  /** The code of this gear to the gears named, or to all of the application. */
  distribute(gears?: readonly string[]): Promise<void>;
}

/** One gear after another, each with the tenant's own hooks: as long as that takes, but not for ever. */
const DISTRIBUTION = 3_600_000;

/** The proxy of this gear, if it has one. */
export function openWebProxy(node: Node, gear: Gear, voice: Voice): WebProxy | undefined {
  const cartridge = listCartridges(gear).find(({ manifest }) => isWebProxy(manifest));
  if (cartridge === undefined) return undefined;
  const control = (action: string, options: ControlOptions): Promise<void> =>
    voice.hear((onOutput) =>
      controlCartridge(node, gear, cartridge, action, { actionHooks: false, onOutput, ...options }),
    );
  const server = async (action: string): Promise<void> => {
    try {
      await control(action, { args: ['local'] });
    } catch (error) {
      if (failedHook(error) === undefined) throw error;
      voice.say(`${cartridge.name} could not ${action} local; the deployment goes on.`);
    }
  };
  return {
    takeOut: () => server('disable-server'),
    putIn: () => server('enable-server'),
    async distribute(gears = []) {
      try {
        await control('distribute', { args: gears, deadline: DISTRIBUTION });
      } catch (error) {
        const failure = failedHook(error);
        if (failure === undefined) throw error;
        throw new OoError(
          'Not every gear of the application has this code; which, and why, is said above. The others serve it. ' +
            'The next push repairs it, or gear distribute.',
          { code: 'ERR_DISTRIBUTION', exitCode: failure.exitCode, gear: gear.uuid, cause: error },
        );
      }
    },
  };
}
