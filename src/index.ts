/**
 * The public library of a node: open it, call actions as a bus would, or call the operations on gears and cartridges
 * with typed arguments. Re-exports only; whatever is not here may change without notice.
 */
export { OoError, NativeError, type OoErrorDetails } from './native/error.js';
export { openNode, type Node } from './node/node.js';
export type { NodeConfig } from './node/config.js';
export type { ResourceLimits } from './node/resource-limits.js';

export { callAction, isAction } from './actions/call.js';
export type { ActionName } from './actions/table.js';
export type { ActionReply, RequestMeta, StatusCode } from './actions/request.js';
export { RequestLog, type LogSink } from './actions/request-log.js';
export { parseRequest, type ParsedRequest } from './actions/parse-request.js';
export { checkArgumentString, escapeWord, splitWords } from './actions/words.js';

export { gearExists, listGears, openGear, type Gear } from './gear/gear.js';
export type { AppName, GearUuid, Ipv4, Namespace, Port, Uid } from './gear/identity.js';
export type { GearState } from './gear/state.js';

export type { OperationResult } from './operations/result.js';
export { createGear } from './operations/create.js';
export type { CreateInput } from './operations/create-input.js';
export { destroyGear, type DestroyInput } from './operations/destroy.js';
export { restartGear, startGear, type StartInput } from './operations/start.js';
export { stopGear } from './operations/stop.js';
export { showState } from './operations/state.js';
export {
  addAuthorizedKey,
  removeAuthorizedKey,
  replaceAuthorizedKeys,
  type KeyInput,
} from './operations/keys.js';
export { addVariable, dropVariable } from './operations/variables.js';
export { addBrokerAuth, dropBrokerAuth } from './operations/broker-auth.js';
export { configureCartridge } from './operations/configure.js';
export { deconfigureCartridge } from './operations/deconfigure.js';
export { runCartridgeAction, type CartridgeActionInput } from './operations/cartridge-action.js';
export { executeConnector, unsubscribe, type ConnectorInput } from './operations/connector.js';
export { concealPort, exposePort, showPort, type PortInput } from './operations/expose-port.js';
export { changeQuota, showQuota, type QuotaInput } from './operations/quota.js';
export { gearStatus, type GearStatus } from './operations/status.js';
export { recover } from './operations/recover.js';
export {
  aliasCartridge,
  eraseCartridge,
  installCartridge,
  listAliases,
  listRepository,
  unaliasCartridge,
  type RepositoryEntry,
} from './cartridge/repository.js';
