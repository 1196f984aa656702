/**
 * A connection hook of a cartridge in a gear: its script, or what the node answers in its place. Invariant: a hook that
 * fails is a result with its exit code and words; variables are set (publish-variables.ts) before a script sees them.
 */
import { answerOf, isSubscriber, runConnector, type Answer } from '../cartridge/connectors.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { openCartridge, type Cartridge } from '../cartridge/installed.js';
import {
  parsePublications,
  publisherName,
  publicationsWord,
  variablesOf,
  type Publications,
} from '../cartridge/publications.js';
import { PUBLISHED } from '../gear/published.js';
import { openGear, type Gear } from '../gear/gear.js';
import { parseGearUuid } from '../gear/identity.js';
import type { Journal } from '../journal/journal.js';
import type { Node } from '../node/node.js';
import { onGear } from './journal.js';
import { publishVariables, withdrawVariables } from './publish-variables.js';
import { succeeded, type OperationResult } from './result.js';

export interface ConnectorInput {
  readonly uuid: string;
  /** As it is known in the gear, or as it was asked for. */
  readonly cartridge: string;
  readonly hook: string;
  /** Name, namespace and uuid of the gear, then for a subscriber one word of what was published. */
  readonly args: readonly string[];
  /** From gear to what it published, where the broker sends it so; otherwise that word is read. */
  readonly publications?: Readonly<Record<string, string>> | undefined;
  /** The type of the connection, and whose cartridge publishes, where the broker says so. */
  readonly type?: string | undefined;
  readonly publisher?: string | undefined;
}

interface Call {
  readonly node: Node;
  readonly journal: Journal;
  readonly gear: Gear;
  readonly cartridge: Cartridge;
  readonly input: ConnectorInput;
}

function published({ args, publications }: ConnectorInput): Publications {
  if (publications !== undefined) return new Map(Object.entries(publications));
  return new Map(args.slice(3).flatMap((word) => [...parsePublications(word)]));
}

/** As a script gets them. */
function words({ args, publications }: ConnectorInput): readonly string[] {
  if (publications === undefined) return args;
  return [...args, publicationsWord(new Map(Object.entries(publications)))];
}

async function answer(call: Call, given: Answer, args = words(call.input)): Promise<string> {
  const { node, journal, gear, cartridge, input } = call;
  switch (given.kind) {
    case 'script':
      return runConnector(node, gear, cartridge, input.hook, args, given.keep);
    case 'says':
      return given.text(node, gear, cartridge);
    case 'variables': {
      const texts = [...published(input).values()];
      const variables = Object.assign({}, ...texts.map((text) => variablesOf(text))) as Record<
        string,
        string
      >;
      await publishVariables(node, journal, gear, { publisher: PUBLISHED, variables });
      return '';
    }
    case 'nothing':
      return '';
  }
}

/**
 * A connection of type `ENV:`. One publisher is read, the first, as there is one; its lines become variables in its own
 * folder. A script then gets name, namespace and the word, without the uuid: hooks are written for that.
 */
async function answerVariables(call: Call, publisher: string): Promise<string> {
  const { node, journal, gear, cartridge, input } = call;
  const texts = published(input);
  const [text = ''] = texts.values();
  const variables = variablesOf(text, /\n/);
  await publishVariables(node, journal, gear, { publisher: publisherName(publisher), variables });
  const given = answerOf(cartridge, input.hook);
  if (given.kind !== 'script') return 'Set environment variables successfully';
  const joined = new Map(
    [...texts].map(([from, lines]) => [from, lines.replace(/\n+$/, '').replaceAll('\n', '; ')]),
  );
  return answer(call, given, [...input.args.slice(0, 2), publicationsWord(joined)]);
}

/** A script that failed is a result with its exit code and words. */
async function told(work: () => Promise<string>): Promise<OperationResult> {
  try {
    return succeeded(await work());
  } catch (error) {
    const failure = failedHook(error);
    if (failure === undefined) throw error;
    return { output: failure.output, exitCode: failure.exitCode };
  }
}

export async function executeConnector(node: Node, input: ConnectorInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    const cartridge = openCartridge(gear, input.cartridge);
    const call: Call = { node, journal, gear, cartridge, input };
    const { type, publisher, hook } = input;
    const variables = type?.startsWith('ENV:') === true && isSubscriber(cartridge, hook);
    return told(() =>
      variables && publisher !== undefined
        ? answerVariables(call, publisher)
        : answer(call, answerOf(cartridge, hook)),
    );
  });
}

/** Ends a subscription: what that cartridge has published to the gear is taken back. */
export async function unsubscribe(
  node: Node,
  input: { readonly uuid: string; readonly cartridge: string; readonly publisher: string },
): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    openCartridge(gear, input.cartridge);
    return told(async () => {
      await withdrawVariables(node, journal, gear, publisherName(input.publisher));
      return '';
    });
  });
}
