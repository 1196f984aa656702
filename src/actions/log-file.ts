/** The file the request log goes to, one for each node object. Only root has one: for anybody else it is dropped. */
import { AppendFile } from '../node/log.js';
import type { Node } from '../node/node.js';
import type { LogSink } from './request-log.js';

const files = new WeakMap<Node, LogSink>();

export function actionLog(node: Node): LogSink {
  const known = files.get(node);
  if (known !== undefined) return known;
  const sink = process.geteuid?.() === 0 ? new AppendFile(node.config.actionLogFile) : { append() {} };
  files.set(node, sink);
  return sink;
}
