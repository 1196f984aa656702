/**
 * Which version each gear has, at least, from which moment on, as the pusher was told; and which answers of a load were
 * older than that. Invariant: a moment is when the news was read, so a gear that has the version by then is never blamed.
 */
import type { Push } from './repository.js';
import type { LoadReport } from './tally.js';

interface Deploy {
  readonly version: number;
  readonly time: number;
}

const versionNumber = (version: string): number => Number(version.slice(1));

export class Deployed {
  readonly #deploys = new Map<string, Deploy[]>();

  record(gear: string, version: string, time: number): void {
    this.#deploys.set(gear, [...(this.#deploys.get(gear) ?? []), { version: versionNumber(version), time }]);
  }

  /** Reads a push's lines; gives the gears that completed, the head under the uuid given. */
  recordPush(head: string, version: string, { lines }: Push): readonly string[] {
    const completed: string[] = [];
    const complete = (gear: string, time: number): void => {
      completed.push(gear);
      this.record(gear, version, time);
    };
    let syncing: string | undefined;
    for (const { text, time } of lines) {
      if (text.startsWith('Deployment id is ')) complete(head, time);
      syncing = /^Syncing to gear: ([0-9a-f]{32})@/.exec(text)?.[1] ?? syncing;
      const exitCode = /^Exit code: (\d+)$/.exec(text)?.[1];
      if (exitCode === undefined || syncing === undefined) continue;
      if (exitCode === '0') complete(syncing, time);
      syncing = undefined;
    }
    return completed;
  }

  /** One sentence for each gear and version that was asked for after a newer one was complete there. */
  stale({ seen }: LoadReport): readonly string[] {
    return Object.entries(seen).flatMap(([gear, versions]) =>
      Object.entries(versions).flatMap(([version, { lastAsked }]) => {
        const newer = (this.#deploys.get(gear) ?? []).find(
          (deploy) => deploy.version > versionNumber(version) && deploy.time < lastAsked,
        );
        if (newer === undefined) return [];
        const late = lastAsked - newer.time;
        return [
          `${gear} answered ${version} to a request begun ${late} ms after v${newer.version} was complete`,
        ];
      }),
    );
  }
}
