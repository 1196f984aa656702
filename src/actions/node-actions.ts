/**
 * The actions of the dummy cartridge: gears made and removed, their state, keys, variables and quota. Each is a schema
 * and a call of an operation.
 */
import * as v from 'valibot';
import { addBrokerAuth, dropBrokerAuth } from '../operations/broker-auth.js';
import { createGear } from '../operations/create.js';
import { destroyGear } from '../operations/destroy.js';
import { addAuthorizedKey, removeAuthorizedKey } from '../operations/keys.js';
import { stopGear } from '../operations/stop.js';
import { showState } from '../operations/state.js';
import { addVariable, dropVariable } from '../operations/variables.js';
import {
  containerUuid,
  flag,
  optionalLongText,
  optionalNumber,
  optionalText,
  requiredLongText,
  requiredText,
} from './arguments.js';
import { cartridgeList } from './cartridge-list.js';
import { inner, said, type InnerAction } from './inner-action.js';
import { getQuota, setQuota } from './quota-actions.js';

const gearOnly = v.object(containerUuid);

const appCreate = inner(
  v.object({
    ...containerUuid,
    '--with-app-uuid': optionalText,
    '--with-app-name': optionalText,
    '--with-container-name': optionalText,
    '--with-namespace': optionalText,
    '--with-uid': optionalNumber,
    '--with-quota-blocks': optionalNumber,
    '--with-quota-files': optionalNumber,
    '--with-secret-token': optionalLongText,
  }),
  (node, args) =>
    createGear(node, {
      uuid: args['--with-container-uuid'],
      appUuid: args['--with-app-uuid'],
      appName: args['--with-app-name'],
      name: args['--with-container-name'],
      namespace: args['--with-namespace'],
      uid: args['--with-uid'],
      quotaBlocks: args['--with-quota-blocks'],
      quotaFiles: args['--with-quota-files'],
      secretToken: args['--with-secret-token'],
    }),
);

const appDestroy = inner(v.object({ ...containerUuid, '--skip-hooks': flag }), (node, args) =>
  destroyGear(node, { uuid: args['--with-container-uuid'], skipHooks: args['--skip-hooks'] }),
);

const keyAdd = inner(
  v.object({
    ...containerUuid,
    '--with-ssh-key': requiredLongText,
    '--with-ssh-key-type': optionalText,
    '--with-ssh-key-comment': optionalText,
  }),
  (node, args) =>
    addAuthorizedKey(node, {
      uuid: args['--with-container-uuid'],
      key: args['--with-ssh-key'],
      type: args['--with-ssh-key-type'],
      comment: args['--with-ssh-key-comment'],
    }),
);

const keyRemove = inner(
  v.object({
    ...containerUuid,
    '--with-ssh-key': optionalLongText,
    '--with-ssh-comment': optionalText,
    '--with-ssh-key-comment': optionalText,
  }),
  (node, args) =>
    removeAuthorizedKey(node, {
      uuid: args['--with-container-uuid'],
      key: args['--with-ssh-key'],
      comment: args['--with-ssh-comment'] ?? args['--with-ssh-key-comment'],
    }),
);

const authAdd = inner(
  v.object({ ...containerUuid, '--with-iv': requiredLongText, '--with-token': requiredLongText }),
  (node, args) =>
    addBrokerAuth(node, {
      uuid: args['--with-container-uuid'],
      iv: args['--with-iv'],
      token: args['--with-token'],
    }),
);

const variableAdd = inner(
  v.object({ ...containerUuid, '--with-key': requiredText, '--with-value': requiredLongText }),
  (node, args) =>
    addVariable(node, {
      uuid: args['--with-container-uuid'],
      name: args['--with-key'],
      value: args['--with-value'],
    }),
);

const variableRemove = inner(v.object({ ...containerUuid, '--with-key': requiredText }), (node, args) =>
  dropVariable(node, { uuid: args['--with-container-uuid'], name: args['--with-key'] }),
);

export const nodeActions: ReadonlyMap<string, InnerAction> = new Map([
  ['app-create', appCreate],
  ['app-destroy', appDestroy],
  [
    'app-state-show',
    inner(gearOnly, (node, args) => said(showState(node, { uuid: args['--with-container-uuid'] }))),
  ],
  ['authorized-ssh-key-add', keyAdd],
  ['authorized-ssh-key-remove', keyRemove],
  ['broker-auth-key-add', authAdd],
  [
    'broker-auth-key-remove',
    inner(gearOnly, (node, args) => dropBrokerAuth(node, { uuid: args['--with-container-uuid'] })),
  ],
  ['env-var-add', variableAdd],
  ['env-var-remove', variableRemove],
  ['cartridge-list', cartridgeList],
  [
    'force-stop',
    inner(gearOnly, (node, args) => stopGear(node, { uuid: args['--with-container-uuid'], force: true })),
  ],
  ['get-quota', getQuota],
  ['set-quota', setQuota],
]);
