// The one way in for `npm run demo|test|host|bench`.
const [what, ...rest] = process.argv.slice(2);
if (what === 'host') {
  const { main } = await import('./hosts/runner.mjs');
  process.exitCode = await main(rest);
} else {
  console.error(`${what}: not there yet`);
  process.exitCode = 2;
}
