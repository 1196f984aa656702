/**
 * The platform's log: one line an event, as JSON or plain text, secrets hidden. Appended synchronously with
 * O_APPEND, so that lines of several processes do not mix and the last line before a crash is there.
 * Invariant: a log that cannot be written never stops an operation; the line goes to standard error instead.
 */
import { closeSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { redactText, redactValue } from './redact.js';

const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
export type LogLevel = (typeof levels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface PlatformLog {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** A file that is only ever appended to, opened anew when a rotation has moved it away. */
export class AppendFile {
  #descriptor: number | undefined;
  #inode = 0;

  constructor(readonly path: string) {}

  append(text: string): void {
    if (this.#descriptor !== undefined && !this.#isCurrent()) this.close();
    this.#descriptor ??= this.#open();
    writeSync(this.#descriptor, text);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #isCurrent(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  #open(): number {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o750 });
    const descriptor = openSync(this.path, 'a', 0o640);
    this.#inode = statSync(this.path).ino;
    return descriptor;
  }
}

function plainField([name, value]: readonly [string, unknown]): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `${name}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
}

function errorText(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const cause = value.cause instanceof Error ? ` (${value.cause.message})` : '';
  return `${value.message}${cause}`;
}

export function openPlatformLog(options: {
  readonly file: string;
  readonly level: LogLevel;
  readonly format: 'json' | 'plain';
}): PlatformLog {
  const file = new AppendFile(options.file);
  const lowest = levels.indexOf(options.level);
  const write = (level: LogLevel, event: string, fields: LogFields = {}): void => {
    if (levels.indexOf(level) < lowest) return;
    const plain = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, errorText(value)]));
    const hidden = redactValue(plain) as Record<string, unknown>;
    const time = new Date().toISOString();
    const line =
      options.format === 'json'
        ? JSON.stringify({ time, level, event: redactText(event), ...hidden })
        : [
            time,
            level,
            redactText(event),
            ...Object.entries(hidden)
              .filter(([, value]) => value !== undefined)
              .map(plainField),
          ].join(' ');
    try {
      file.append(`${line}\n`);
    } catch {
      process.stderr.write(`${line}\n`);
    }
  };
  return {
    debug: (event, fields) => write('DEBUG', event, fields),
    info: (event, fields) => write('INFO', event, fields),
    warn: (event, fields) => write('WARN', event, fields),
    error: (event, fields) => write('ERROR', event, fields),
  };
}

/** For tests and for programs that run inside a gear, where the platform's log is not writable. */
export const silentLog: PlatformLog = { debug() {}, info() {}, warn() {}, error() {} };
