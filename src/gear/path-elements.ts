/**
 * PATH and LD_LIBRARY_PATH out of what cartridges contribute (`OPENSHIFT_<NAME>_PATH_ELEMENT`,
 * `OPENSHIFT_<NAME>_LD_LIBRARY_PATH_ELEMENT`). Invariant: in PATH the primary cartridge's element comes first
 * and the system's directories last; in LD_LIBRARY_PATH the primary's comes after the others.
 */
function prefixOf(directory: string): string {
  return `OPENSHIFT_${directory.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

export function composePaths(
  variables: Record<string, string>,
  primary: string | undefined,
  system: string,
): void {
  const prefix = primary === undefined ? undefined : prefixOf(primary);
  const elements = (tail: string): { first: string[]; others: string[] } => {
    const first: string[] = [];
    const others: string[] = [];
    for (const name of Object.keys(variables).sort()) {
      if (!name.startsWith('OPENSHIFT_') || !name.endsWith(tail)) continue;
      if (tail === '_PATH_ELEMENT' && name.endsWith('_LD_LIBRARY_PATH_ELEMENT')) continue;
      const value = variables[name];
      if (value !== undefined && value !== '') (name === `${prefix}${tail}` ? first : others).push(value);
    }
    return { first, others };
  };
  const path = elements('_PATH_ELEMENT');
  const existing = variables['PATH'];
  variables['PATH'] = [
    ...path.first,
    ...path.others,
    existing === undefined || existing === '' ? system : existing,
  ].join(':');
  const libraries = elements('_LD_LIBRARY_PATH_ELEMENT');
  const known = variables['LD_LIBRARY_PATH'];
  const all = [
    ...libraries.others,
    ...libraries.first,
    ...(known === undefined || known === '' ? [] : [known]),
  ];
  if (all.length > 0) variables['LD_LIBRARY_PATH'] = all.join(':');
}
