/** The folders of a node that are root's, with their modes: made by the set-up, asked for by the acceptance checks. */
import type { NodePaths } from './paths.js';

export function nodeFolders(paths: NodePaths): readonly (readonly [path: string, mode: number])[] {
  return [
    [paths.gearBase, 0o711],
    [paths.journal, 0o700],
    [paths.confinement, 0o711],
    [paths.cartridgeRepository, 0o755],
    [paths.routes, 0o700],
    [paths.ports, 0o700],
    [paths.lastAccess, 0o755],
    [paths.runDir, 0o755],
  ];
}
