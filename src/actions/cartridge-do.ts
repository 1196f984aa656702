/** `cartridge_do`: one action on one gear. Its log is the request, what was validated, the action's lines, the end. */
import * as v from 'valibot';
import { isHookCall, asText, perform, type ActionContext } from './perform.js';
import { reply, type ActionReply } from './request.js';

const MOST_TEXT = 1 << 20;

export const cartridgeName = v.pipe(
  v.string('is no text'),
  v.maxLength(64, 'is longer than 64 characters'),
  v.regex(/^(?:embedded\/)?[a-zA-Z0-9][a-zA-Z0-9._-]*$/, 'is not the name of a cartridge'),
);
export const actionName = v.pipe(
  v.string('is no text'),
  v.maxLength(64, 'is longer than 64 characters'),
  v.regex(/^[a-z][a-z0-9-]*$/, 'is not the name of an action'),
);
const NO_ARGUMENTS = 'is neither a text nor a hash of named arguments';
const named = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value), NO_ARGUMENTS),
  v.record(v.string(), v.unknown(), NO_ARGUMENTS),
);
const args = v.nullish(
  v.union(
    [v.pipe(v.string(), v.maxLength(MOST_TEXT, `is longer than ${MOST_TEXT} characters`)), named],
    NO_ARGUMENTS,
  ),
  {},
);

const NO_CALL = 'is not a hash with cartridge, action and args';
export const callSchema = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value), NO_CALL),
  v.object({ cartridge: cartridgeName, action: actionName, args }, ({ path }) =>
    path === undefined ? NO_CALL : 'is missing',
  ),
);

export type CallData = v.InferOutput<typeof callSchema>;

export async function cartridgeDo(context: ActionContext, data: CallData): Promise<ActionReply> {
  const call = { cartridge: data.cartridge, action: data.action, args: data.args ?? {} };
  context.log.validation(call.cartridge, call.action, call.args);
  const { exitcode, output, addtl } = await perform(context, call);
  if (isHookCall(call)) context.log.done(exitcode);
  else context.log.done(exitcode, asText(output));
  if (exitcode === 0) return reply(0, 'OK', 0, output, addtl);
  return reply(
    1,
    `cartridge_do_action failed ${exitcode}. Output ${asText(output)}`,
    exitcode,
    output,
    addtl,
  );
}
