// The one way in for `npm run demo|test|host|bench`: needs Node and npm only. Written so that a Node of long ago can
// read it and say its sentence; the work is in start/main.mjs.
if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error('This needs Node 20 or newer, and this is Node ' + process.versions.node + '.');
  process.exit(2);
}
import('./start/main.mjs').then(async function (start) {
  process.exitCode = await start.main();
});
