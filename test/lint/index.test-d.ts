// What a user of the library may rely on, checked by the compiler against the published declarations.
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd';
import {
  callAction,
  createGear,
  escapeWord,
  isAction,
  listGears,
  NativeError,
  OoError,
  openGear,
  openNode,
  parseRequest,
  recover,
  runCartridgeAction,
  showState,
  splitWords,
  stopGear,
  type ActionName,
  type ActionReply,
  type Gear,
  type GearUuid,
  type Node,
  type OperationResult,
  type StatusCode,
} from '../../dist/src/index.js';

const node = await openNode();
expectType<Node>(node);
expectType<Node>(await openNode({ confDir: '/etc/openshift' }));
expectError(await openNode({ folder: '/etc/openshift' }));
expectType<number>(node.config.gearMinUid);
expectError((node.config.gearMinUid = 500));

const reply = await callAction(node, 'cartridge_do', { cartridge: 'php-5.3', action: 'start', args: {} });
expectType<ActionReply>(reply);
expectType<number>(reply.exitcode);
expectType<unknown>(reply.output);
expectAssignable<StatusCode>(reply.statuscode);
expectNotAssignable<StatusCode>(7);
await callAction(node, 'execute_parallel', {}, { uniqid: '7c7d', sender: 'broker.example.com' });
expectError(await callAction(node, 'cartridge_do', {}, { uniqid: 7 }));

const name: string = 'cartridge_do';
if (isAction(name)) expectType<ActionName>(name);

expectType<OperationResult>(
  await createGear(node, { uuid: 'cc9b', appName: 'phpapp', namespace: 'demo', uid: 507 }),
);
expectError(await createGear(node, { appName: 'phpapp' }));
expectType<OperationResult>(await stopGear(node, { uuid: 'cc9b', force: true }));
expectType<OperationResult>(
  await runCartridgeAction(node, { uuid: 'cc9b', cartridge: 'embedded/mysql-5.1', action: 'status' }),
);
expectType<string>(showState(node, { uuid: 'cc9b' }));

const gear = openGear(node, 'cc9b');
expectType<Gear>(gear);
expectType<GearUuid>(gear.uuid);
expectNotAssignable<GearUuid>('cc9b');
expectAssignable<readonly string[]>(listGears(node));

expectType<readonly string[]>(splitWords("'a' 'b'"));
expectType<string>(escapeWord('a b'));
expectType<unknown>(parseRequest('cartridge_do', '{}').data);
for (const { gear: uuid, outcome } of await recover(node)) {
  expectType<string>(uuid);
  expectAssignable<string>(outcome);
}

const error = new OoError('What was wrong.', { code: 'ERR_TEST', exitCode: 129 });
expectType<string>(error.code);
expectType<number>(error.exitCode);
expectType<string | undefined>(error.gear);
expectAssignable<OoError>(new NativeError('What failed.', { code: 'ENOENT', errno: 2 }));
expectError(new OoError('No code.', {}));
