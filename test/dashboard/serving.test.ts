/** What the node sends at `/`: the page as the build made it, with headers that let nothing else in. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test, { before } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { raw, type TestNode, testNode } from "../node/running.ts";
import { builtDashboard as built, dashboardBuilt } from "./built.ts";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let node: TestNode;

before(async (t) => {
  await dashboardBuilt();
  node = await testNode(t as never);
});

/** The address of the page's script. */
async function script(): Promise<string> {
  const page = await (await fetch(node.url, { headers: HTML })).text();
  return new URL(page.match(/src="([^"]+\.js)"/)![1]!, `${node.url}/`).href;
}

test("a browser gets the page, curl a text that says what to try", async () => {
  const page = await fetch(node.url, { headers: HTML });
  assert.match(page.headers.get("content-type")!, /^text\/html/);
  assert.match(await page.text(), /<div id="app">/);
  const text = await fetch(node.url, { headers: { accept: "*/*" } });
  assert.match(text.headers.get("content-type")!, /^text\/plain/);
  assert.match(await text.text(), /curl --data-binary/);
  for (const answer of [page, text]) assert.match(answer.headers.get("vary")!, /accept/);
});

test("the page may load from its own node only, run nothing inline and be framed by nobody", async () => {
  for (const url of [node.url, await script()]) {
    const { headers } = await fetch(url, { headers: HTML });
    const policy = new Map(
      headers
        .get("content-security-policy")!
        .split("; ")
        .map((rule) => [rule.split(" ")[0]!, rule.split(" ").slice(1).join(" ")]),
    );
    assert.equal(policy.get("default-src"), "'none'");
    assert.equal(policy.get("script-src"), "'self'");
    assert.equal(policy.get("style-src"), "'self'");
    assert.equal(policy.get("connect-src"), "'self'");
    assert.equal(policy.get("img-src"), "'self' data:");
    assert.equal(policy.get("frame-ancestors"), "'none'");
    assert.equal(policy.get("require-trusted-types-for"), "'script'");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
  }
});

test("nothing in the page is inline, and every address in it is relative", async () => {
  const page = await (await fetch(node.url, { headers: HTML })).text();
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/);
  const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!);
  assert.ok(addresses.length >= 3);
  for (const address of addresses) assert.match(address, /^\.\//);
});

test("files whose names hold a hash may be kept for ever, the page is asked for anew", async () => {
  const asset = await fetch(await script());
  assert.equal(asset.headers.get("cache-control"), "public, max-age=31536000, immutable");
  const page = await fetch(node.url, { headers: HTML });
  assert.equal(page.headers.get("cache-control"), "no-cache");
});

test("who has the page already is told so, for each coding of its own", async () => {
  const get = (headers: Record<string, string>) => fetch(node.url, { headers: { ...HTML, ...headers } });
  const tags = new Set<string>();
  for (const coding of ["br", "gzip", "identity"]) {
    const tag = (await get({ "accept-encoding": coding })).headers.get("etag")!;
    tags.add(tag);
    assert.equal((await get({ "accept-encoding": coding, "if-none-match": `"x", W/${tag}` })).status, 304);
    assert.equal((await get({ "accept-encoding": coding, "if-none-match": '"x"' })).status, 200);
  }
  assert.equal(tags.size, 3);
});

test("files are sent as the build compressed them, in the best coding that the client takes", async () => {
  const path = new URL(await script()).pathname;
  const plain = readFileSync(join(built, path));
  const get = async (coding: string) => {
    const answer = await raw(
      node.url,
      `GET ${path} HTTP/1.1\r\nhost: x\r\naccept-encoding: ${coding}\r\nconnection: close\r\n\r\n`,
    );
    return answer.match(/^content-encoding: (\w+)/m)?.[1];
  };
  assert.equal(await get("gzip, deflate, br"), "br");
  assert.equal(await get("gzip, br;q=0"), "gzip");
  assert.equal(await get("identity"), undefined);
  assert.deepEqual(brotliDecompressSync(readFileSync(join(built, `${path}.br`))), plain);
  assert.deepEqual(gunzipSync(readFileSync(join(built, `${path}.gz`))), plain);
});

test("all of the page is less than 200 kB on its way to a browser", () => {
  const files = readdirSync(built, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name));
  const sent = files.filter((name) => !/\.(br|gz|txt)$/.test(name));
  const bytes = sent.reduce((sum, name) => {
    const coded = files.includes(`${name}.gz`) ? `${name}.gz` : name; // gzip is the larger of the two.
    return sum + statSync(join(built, coded)).size;
  }, 0);
  assert.ok(sent.length >= 4);
  assert.ok(bytes < 200_000, `${bytes} bytes`);
});

test("what is not there is refused as everywhere, and nothing leads out of the folder", async () => {
  for (const path of [
    "/assets/x.js",
    "/assets/..%2findex.html",
    "/assets/__proto__",
    "/assets/%2e%2e%2f%2e%2e%2fcli%2fmain.js",
  ]) {
    const answer = await fetch(node.url + path);
    assert.equal(answer.status, 404, path);
    assert.match(answer.headers.get("content-type")!, /problem\+json/);
  }
});

test("the licences of what is in the page travel with it", () => {
  const text = readFileSync(join(built, "licences.txt"), "utf8");
  for (const name of ["preact", "uplot", "inter"]) assert.ok(text.includes(name), name);
});
