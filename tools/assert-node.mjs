/** Stops with one sentence when the tools run on a Node older than 24 (`node --import` this). */
const major = Number.parseInt(process.versions.node, 10);
if (major < 24) {
  process.stderr.write(
    `Node 24 is needed, this is ${process.version}: run "npm test", which installs it here, ` +
      'or put Node 24 first in PATH\n',
  );
  process.exit(2);
}
