// The arrows of the house: commands, rpc -> actions -> operations -> deploy -> cartridge -> gear -> journal, node -> host -> native.
// A room may import only rooms to its right, and no cycle is allowed inside a room.
const rooms = [
  ['commands', 'rpc'],
  ['actions'],
  ['operations'],
  ['deploy'],
  ['cartridge'],
  ['gear'],
  ['journal', 'node'],
  ['host'],
  ['native'],
];
const leftOf = (index) => rooms.slice(0, index).flat();
const arrows = rooms.flatMap((names, index) => {
  const forbidden = [...leftOf(index)];
  return names.map((name) => ({
    name: `${name}-imports-to-the-left`,
    severity: 'error',
    from: { path: `^src/${name}/` },
    to: {
      path: `^src/(${[...forbidden, ...names.filter((other) => other !== name), 'index\\.ts'].join('|')})`,
    },
  }));
});
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    ...arrows,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
