// Templates: what the reference cartridges use is evaluated as Ruby's ERB would, the rest is refused, and it always ends.
import t from 'tap';
import { renderTemplate, TemplateError } from '../../src/cartridge/template.js';

const env = { HOST: '127.0.0.1', PORT: '3306', MB: '512', LIST: 'a;b;c', NAME: 'PHP', EMPTY: '' };
const render = (source: string, trusted = true): string =>
  renderTemplate(source, { env, trusted, exists: (path) => (path === '/home/f' ? 'file' : undefined) });

t.test('values of the environment stand where their tags stood', async (t) => {
  t.equal(render('bind=<%= ENV[\'HOST\'] %>:<%= ENV["PORT"] %>\n'), 'bind=127.0.0.1:3306\n');
  t.equal(render("<%= ENV['NONE'] %>|"), '|');
  t.equal(render("<%= ENV['NONE'] || 'x' %><%= ENV['EMPTY'] || 'y' %>"), 'x');
  t.equal(render("<%= \"#{ENV['HOST']}/a\" + 'b' %>"), '127.0.0.1/ab');
  t.equal(render('<%% <%# comment %>%%>'), '<% %>');
});

t.test('numbers are whole or floats as in Ruby', async (t) => {
  t.equal(render("<%= ENV['MB'].to_i * 3 / 4 %>M"), '384M');
  t.equal(render('<%= 7 / 2 %> <%= 7 / 2.0 %> <%= -7 / 2 %> <%= 2 * 1.5 %>'), '3 3.5 -4 3.0');
  t.equal(render('<%= (ENV[\'MB\'].to_i * 0.4).to_i.to_s+"M" %>'), '204M');
});

t.test('conditions and loops choose and repeat text', async (t) => {
  t.equal(render("<% if ENV['MB'].to_i > 500 %>big<% elsif ENV['MB'] %>mid<% else %>small<% end %>"), 'big');
  t.equal(
    render("<% if ENV['X'] %>a<% elsif ENV['PORT'] == '3306' && !ENV['Y'] %>b<% else %>c<% end %>"),
    'b',
  );
  t.equal(render("<% if ENV['X'] %>a<% elsif ENV['Y'] %>b<% else %>c<% end %>d"), 'cd');
  t.equal(render("<% unless ENV['X'] %>no<% end %>"), 'no');
  t.equal(render("<% ENV['LIST'].split(';').each do |e| %>[<%= e %>]<% end %>"), '[a][b][c]');
  t.equal(render("<%= ENV['NAME'] =~ /^ph/i ? 'yes' : 'no' %>"), 'yes');
  t.equal(render("<%= ENV['NAME'].downcase == 'php' ? 1 : 2 %>"), '1');
  t.equal(render('<%= File.exists?("/home" + "/f") %> <%= File.exist?("/etc/passwd") %>'), 'true false');
  t.equal(render("a\n<% x = 'v' %>\n<%= x %>\n"), 'a\n\nv\n');
  t.equal(render('<% if true -%>\nx\n<% end -%>\n'), 'x\n');
});

t.test('what is not understood is an error', async (t) => {
  for (const source of [
    '<%= `id` %>',
    '<%= system("id") %>',
    '<%= File.read("/etc/passwd") %>',
    '<% if true %>',
    '<% end %>',
    '<%= ENV["A" %>',
    '<%= 1 / 0 %>',
    '<%= ENV.constructor %>',
    '<%= "a".constructor %>',
    '<%= x %>',
    '<% open',
    "<%= 'a' =~ /(/ %>",
    `<%= ${'('.repeat(100_000)} %>`,
  ])
    t.throws(() => render(source), TemplateError, source);
});

t.test('a changed template may hold no pattern, and every template ends', async (t) => {
  t.throws(() => render("<%= ENV['NAME'] =~ /(a+)+$/ %>", false), TemplateError);
  const deep = `${"<% 'a,a,a,a,a,a,a,a,a,a'.split(',').each do |x| %>".repeat(7)}x${'<% end %>'.repeat(7)}`;
  t.throws(() => render(deep), /too many steps/);
});
