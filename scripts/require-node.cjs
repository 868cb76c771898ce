// Runs before anything modern does, so it is written for any Node there is.
var wanted = [20, 19];
var found = process.versions.node.split('.').map(Number);
if (found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) {
  console.error(
    'evenkeel needs Node >= ' +
      wanted.join('.') +
      ', this is ' +
      process.versions.node +
      ': install a newer Node (https://nodejs.org) and try again',
  );
  process.exit(1);
}
if (
  process.argv[2] === 'installed' &&
  !require('node:fs').existsSync(require('node:path').join(__dirname, '../node_modules/tsx'))
) {
  console.error('The dependencies are not installed: run `npm ci` first');
  process.exit(1);
}
