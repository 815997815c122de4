#!/usr/bin/env node
/**
 * The start of every command, the web servers' publishers among them: nothing is imported before it is needed, and
 * nothing that an old Node cannot read stands here.
 */
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(`logspread needs Node.js 24 or newer and was started by ${process.version}. See https://nodejs.org/`);
  process.exitCode = 1;
} else {
  const { main } = await import("./start.ts");
  process.exitCode = await main(process.argv.slice(2), process);
}
