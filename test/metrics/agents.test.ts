import assert from "node:assert/strict";
import { test } from "node:test";
import { Agents, classify } from "../../src/metrics/agents.ts";
import { NONE, viewOf } from "../../src/metrics/intern.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const SAFARI =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

function look(agents: Agents, text: string): Agents {
  const bytes = Buffer.from(text);
  agents.look(bytes, viewOf(bytes), 0, bytes.length);
  return agents;
}

for (const [text, wanted] of [
  [FIREFOX, { browser: "Firefox", system: "Linux", robot: undefined }],
  [SAFARI, { browser: "Safari", system: "iOS", robot: undefined }],
  [GOOGLEBOT, { browser: "", system: "", robot: "Googlebot" }],
  ["curl/8.5.0", { browser: "", system: "", robot: "curl" }],
  [
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    { browser: "", system: "", robot: "Baiduspider" },
  ],
  ["", { browser: "(none)", system: "(none)", robot: undefined }],
] as const) {
  test(`${text || "nothing"} is known`, () => assert.deepEqual(classify(text), wanted));
}

test("an agent that came before is known without asking again", () => {
  const agents = new Agents(100, 1);
  look(agents, FIREFOX);
  const { browser, high, low } = agents;
  look(agents, GOOGLEBOT);
  assert.notEqual(agents.robot, NONE);
  look(agents, FIREFOX);
  assert.deepEqual([agents.browser, agents.high, agents.low, agents.robot], [browser, high, low, NONE]);
});

test("more agents than are known by heart: all are forgotten and known again", () => {
  const agents = new Agents(100, 1);
  for (let i = 0; i < 350; i++) look(agents, `curl/8.5.${i}`);
  look(agents, FIREFOX);
  assert.equal(agents.browsers.bytesOf(agents.browser).toString(), "Firefox");
  for (let i = 0; i < 350; i++) {
    look(agents, `curl/8.5.${i}`);
    assert.equal(agents.robots.bytesOf(agents.robot).toString(), "curl");
  }
});

test("a flood of agents that are all new is not looked at one by one, and lines that go by allow for more", () => {
  const agents = new Agents(50_000, 1);
  let known = 0;
  for (let i = 0; i < 22_000; i++) if (look(agents, `curl/8.5.${i}`).robot !== NONE) known++;
  assert.equal(known, 20_000);
  agents.allow(1000);
  assert.notEqual(look(agents, "curl/9.0.0").robot, NONE);
});

test("an agent that is not looked at still tells visitors apart", () => {
  const agents = new Agents(100, 1);
  const one = look(agents, "curl/8.5.0");
  const hash = [one.high, one.low];
  for (let i = 0; i < 20_100; i++) look(agents, `curl/7.${i}`);
  look(agents, "curl/8.5.0");
  assert.deepEqual([agents.high, agents.low], hash);
});
