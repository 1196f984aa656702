/** Manifests: what is read, what is refused, and with which words. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseManifest } from '../../src/cartridge/manifest.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const base = `
Name: mock
Cartridge-Short-Name: mock
Version: 0.10
Versions: [0.10, '0.2']
Cartridge-Version: 1.0.1
Categories: [service, web_framework]
`;
const parse = (more: string, version?: string) => parseManifest(base + more, 'mock', version);

t.test("the project's own manifests are valid", async (t) => {
  for (const name of ['php', 'mysql']) {
    const manifest = parseManifest(
      readFileSync(`${root}cartridges/${name}/metadata/manifest.yml`, 'utf8'),
      name,
    );
    t.equal(manifest.name, name);
    t.equal(manifest.vendor, 'redhat');
    t.equal(manifest.endpoints.length, 1);
  }
});

t.test('versions stay text, and overrides belong to one version', async (t) => {
  const more = 'Version-Overrides:\n  "0.2":\n    Display-Name: old\n    Categories: [plugin]\n';
  t.equal(parse(more).version, '0.10');
  t.same(parse(more).versions, ['0.10', '0.2']);
  t.equal(parse(more).displayName, 'mock');
  t.equal(parse(more, '0.2').displayName, 'old');
  t.same(parse(more, '0.2').categories, ['plugin']);
  t.throws(() => parse(more, '9'), {
    code: 'ERR_CARTRIDGE_VERSION',
    message: /has no version 9, only 0\.10, 0\.2/,
  });
});

t.test('endpoints get their variables, protocols and slashes', async (t) => {
  const [one, two] = parse(`
Endpoints:
  - Private-IP-Name: IP
    Private-Port-Name: PORT
    Private-Port: 8080
    Public-Port-Name: PROXY_PORT
    Mappings:
      - Frontend: ''
        Backend: ''
      - Frontend: health
        Backend: x
  - Private-IP-Name: IP
    Private-Port-Name: DB_PORT
    Private-Port: '3306'
`).endpoints;
  t.match(one, {
    ipVariable: 'OPENSHIFT_MOCK_IP',
    portVariable: 'OPENSHIFT_MOCK_PORT',
    port: 8080,
    protocols: ['http'],
  });
  t.match(one?.mappings, [
    { frontend: '', backend: '' },
    { frontend: '/health', backend: '/x' },
  ]);
  t.equal(one?.publicPortVariable, 'OPENSHIFT_MOCK_PROXY_PORT');
  t.match(two, {
    portVariable: 'OPENSHIFT_MOCK_DB_PORT',
    port: 3306,
    protocols: ['tcp'],
    publicPortVariable: undefined,
  });
});

t.test('all that is wrong with the endpoints is told at once', async (t) => {
  const text =
    'Endpoints:\n  - Private-IP-Name: IP\n  - Private-IP-Name: IP\n    Private-Port-Name: P\n    Private-Port: x\n  - text\n';
  t.throws(() => parse(text), {
    message:
      /Couldn't parse endpoints: Private-Port-Name is missing in endpoint 1, Private-Port is missing in endpoint 1, Private-Port is not valid: x, endpoint 3/,
  });
});

t.test('what is no manifest is refused in one sentence', async (t) => {
  for (const [text, message] of [
    ['[]', /it is not a map/],
    ['a: [', /it is not YAML/],
    ['Name: x', /Cartridge-Short-Name/],
    [base.replace('Name: mock\n', 'Name: ../x\n'), /Name is 1 to 32/],
    [base.replace('Name: mock\n', 'Name: app-root\n'), /Name is reserved/],
    [base.replace('Short-Name: mock', 'Short-Name: a-b'), /Cartridge-Short-Name is/],
    [base.replace('[service, web_framework]', '[database]'), /Categories has none of/],
    [base.replace('[service, web_framework]', '[web_framework, external]'), /cannot have both/],
    [base.replace("Versions: [0.10, '0.2']", 'Versions: 3'), /Versions is not a list/],
    ['x: &a [1]\n'.repeat(1) + 'y: ' + '*a '.repeat(3), /not valid/],
    [`${base}Description: ${'x'.repeat(300_000)}`, /longer than/],
  ] as const)
    t.throws(() => parseManifest(text, 'mock'), { code: 'ERR_MANIFEST', message });
});
