/** What the seed's broker knew before it began: its gears' uuids, the owner's key, its own credential. */
import { scaledExchanges, seedText } from '../seed/seed-text.js';
import type { PublicKey } from './broker/broker.js';
import type { Job } from './broker/requests.js';

const data = scaledExchanges(seedText()).map(({ request }) => request.data);

function argumentsOf(action: string): readonly Readonly<Record<string, string>>[] {
  const jobs = data.flatMap((fields) => Object.values(fields).filter(Array.isArray).flat() as readonly Job[]);
  return jobs
    .filter(({ job }) => job.action === action)
    .map(({ job }) => job.args as Readonly<Record<string, string>>);
}

function field(args: Readonly<Record<string, string>> | undefined, name: string): string {
  const value = args?.[name];
  if (value === undefined) throw new Error(`The seed has no ${name}.`);
  return value;
}

/** In the order in which the gears are made. */
export function seedUuids(): readonly string[] {
  return data
    .filter(({ action }) => action === 'app-create')
    .map(({ args }) => field(args as Readonly<Record<string, string>>, '--with-container-uuid'));
}

export function seedKey(): PublicKey {
  const args = argumentsOf('authorized-ssh-key-add').find(
    (one) => one['--with-ssh-key-comment'] === 'default',
  );
  return {
    comment: field(args, '--with-ssh-key-comment'),
    type: field(args, '--with-ssh-key-type'),
    key: field(args, '--with-ssh-key'),
  };
}

export function seedAuth(): { readonly iv: string; readonly token: string } {
  const [args] = argumentsOf('broker-auth-key-add');
  return { iv: field(args, '--with-iv'), token: field(args, '--with-token') };
}
