import t from 'tap';
import { parseRequest } from '../../src/actions/parse-request.js';
import { exchanges, seedText, simplePart } from '../seed/seed-text.js';

t.test('a whole request of the seed gives its data and who sent it', async (t) => {
  for (const { request } of exchanges(simplePart(seedText()))) {
    const { data, meta } = parseRequest(request.action, JSON.stringify(request));
    t.same(data, request.data);
    t.equal(meta.uniqid, request.uniqid);
    t.equal(meta.sender, 'broker.test.example.com');
  }
});

t.test('keys as Ruby shows them are the same keys', async (t) => {
  const text =
    '{"@action":"cartridge_do","@uniqid":"7c","@data":{":args":{"--with-uid":"5"},":action":"app-create"}}';
  t.same(parseRequest('cartridge_do', text), {
    data: { args: { '--with-uid': '5' }, action: 'app-create' },
    meta: { uniqid: '7c' },
  });
});

t.test('the data alone is a request too', async (t) => {
  const data = { cartridge: 'php-5.3', action: 'start', args: "'a' 'b' 'c'" };
  t.same(parseRequest('cartridge_do', JSON.stringify(data)), { data, meta: {} });
  t.same(parseRequest('app-create', '{"--with-uid":7}'), { data: { '--with-uid': 7 }, meta: {} });
});

t.test('what is no request is refused in one sentence', async (t) => {
  for (const text of ['', '[]', '7', '"x"', '{', '{"action":"other","data":{}}', '{"uniqid":7,"data":{}}']) {
    t.throws(
      () => parseRequest('cartridge_do', text),
      { exitCode: 255, message: /^The request .*\.$/ },
      text,
    );
  }
});
