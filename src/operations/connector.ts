/**
 * A connection hook of a cartridge in a gear: its script, or what the node answers in its place. Invariant: a hook that
 * fails is a result with its exit code and words; variables are set (publish-variables.ts) before a script sees them.
 */
import { answerOf, isSubscriber, runConnector, type Answer } from '../cartridge/connectors.js';
import { failedHook } from '../cartridge/hook-failure.js';
import { openCartridge, type Cartridge } from '../cartridge/installed.js';
import {
  parsePublications,
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
import { publishVariables } from './publish-variables.js';
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

/** `mysql-5.1` publishes as `mysql`. */
function publisherName(cartridge: string): string {
  return cartridge.replace(/^embedded\//, '').replace(/(?<=.)-[^-]*$/, '');
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

export async function executeConnector(node: Node, input: ConnectorInput): Promise<OperationResult> {
  const uuid = parseGearUuid(input.uuid);
  return onGear(node, uuid, async (journal) => {
    const gear = openGear(node, uuid);
    const cartridge = openCartridge(gear, input.cartridge);
    const call: Call = { node, journal, gear, cartridge, input };
    const variables = input.type?.startsWith('ENV:') === true && isSubscriber(cartridge, input.hook);
    try {
      if (variables && input.publisher !== undefined)
        return succeeded(await answerVariables(call, input.publisher));
      return succeeded(await answer(call, answerOf(cartridge, input.hook)));
    } catch (error) {
      const failure = failedHook(error);
      if (failure === undefined) throw error;
      return { output: failure.output, exitCode: failure.exitCode };
    }
  });
}
