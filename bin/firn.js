#!/usr/bin/env node
// Launcher of the published package. Written for any Node, so that an old one gets a sentence
// instead of a syntax error.
const major = Number.parseInt(process.versions.node, 10);
if (major < 24) {
  process.stderr.write(`firn needs Node 24 or newer, this is ${process.version}\n`);
  process.exitCode = 2;
} else {
  await import('../dist/cli/main.js');
}
