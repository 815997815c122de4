/** The page in a real browser, at a real node with real traffic. */
import assert from "node:assert/strict";
import test, { before, type TestContext } from "node:test";
import { freePort } from "../end-to-end/port.ts";
import { type TestNode, testNode } from "../node/running.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { openPage, shows, type Watched } from "./browser.ts";
import { dashboardBuilt } from "./built.ts";
import { line, metricsNode, publish, times } from "./site.ts";

/** Shared by the tests that only look: three servers, one of which fails more than the others. */
let node: TestNode;
const VISITOR = "192.0.2.77";

before(async (t) => {
  await dashboardBuilt();
  node = await metricsNode(t as TestContext);
  await publish(node.url, "web1", [
    ...times(60, (at) => line({ address: `192.0.2.${at % 20}`, path: "/", bytes: 1000 })),
    ...times(5, () => line({ path: "/missing.html", status: 404, bytes: 200 })),
  ]);
  await publish(
    node.url,
    "web2",
    times(40, () => line({ path: "/shop/", bytes: 5000, referrer: "https://search.example/find" })),
  );
  await publish(node.url, "web3", [
    ...times(20, () => line({ path: "/cart", bytes: 3000 })),
    ...times(10, () => line({ path: "/cart", status: 503, bytes: 100 })),
  ]);
  // One visitor whom the balancer sends from server to server.
  for (const [at, server] of ["web1", "web2", "web3", "web1"].entries()) {
    await publish(node.url, server, [line({ address: VISITOR, path: `/step-${at}`, bytes: 700 })]);
  }
});

const TOTAL = 60 + 5 + 40 + 30 + 4;
const BYTES = 60 * 1000 + 5 * 200 + 40 * 5000 + 20 * 3000 + 10 * 100 + 4 * 700;

async function open(t: TestContext, hash = "", opening: Parameters<typeof openPage>[2] = {}): Promise<Watched> {
  const page = await openPage(t, `${node.url}/${hash}`, opening);
  await page.waitForSelector(".grid");
  return page;
}

const figure = (page: Watched, name: string) => () =>
  page.locator(`[data-figure=${name}] [data-exact]`).getAttribute("data-exact");

const rows = (page: Watched, table: string) => () => page.locator(`${table} tbody tr th`).allInnerTexts();

const requestsOf = (page: Watched, row: string) => () => page.locator(`${row} td .fig`).first().innerText();

test("the figures equal what was published", async (t) => {
  const page = await open(t, "#range=1h");
  await shows(figure(page, "requests"), String(TOTAL));
  await shows(figure(page, "bandwidth"), String(BYTES));
  assert.match(await page.locator("[data-figure=errors] .note").innerText(), /^10 5xx · 3\.6\s%\s4xx$/);
  assert.match(await page.locator("[data-status='503']").innerText(), /503\s*Service Unavailable\s+10\s+7\.2\s*%/);
  assert.match(await page.locator("[data-status='200']").innerText(), /\b124\b/);
  assert.deepEqual(
    (await rows(page, ".servers")()).map((text) => text.split("\n")[0]),
    ["web1", "web2", "web3"],
  );
  const title = await page.locator("[data-server=web3] .fig").first().getAttribute("title");
  assert.equal(title, "31 in all");
});

test("the page is painted within a second", async (t) => {
  const page = await open(t);
  const paintedMs = () =>
    page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity);
  // The best of a few loads: other work on the machine can only make one later. Each loads all anew.
  const loads = [await paintedMs()];
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.setCacheDisabled", { cacheDisabled: true });
  while (Math.min(...loads) >= 1000 && loads.length < 5) {
    await page.reload();
    await page.waitForSelector(".grid");
    loads.push(await paintedMs());
  }
  assert.ok(Math.min(...loads) < 1000, `${loads.map(Math.round).join(", ")} ms`);
});

test("the header says in words and in a shape that the site needs a look, and why", async (t) => {
  const page = await open(t, "#range=1h");
  const level = () => page.locator(".well").getAttribute("data-level");
  await waitFor(async () => ["look", "trouble", "well"].includes((await level()) ?? ""));
  assert.ok((await page.locator(".well svg path").count()) >= 2);
  assert.match(await page.locator(".well").innerText(), /\w+/);
});

test("a server that is clicked is shown alone, and the other panels with it", async (t) => {
  const page = await open(t, "#range=1h");
  await page.locator("[data-server=web2] button.name").click();
  await shows(figure(page, "requests"), "41");
  assert.match(page.url(), /servers=web2/);
  assert.equal(await page.locator("#filter-servers").innerText(), "web2");
  await page.locator("#filter-servers").click();
  assert.equal(await page.locator(".menu-panel input:checked").count(), 1);
  await page.getByRole("checkbox", { name: "web3" }).check();
  await shows(figure(page, "requests"), "72");
  await page.getByRole("button", { name: "Show all servers" }).click();
  await shows(figure(page, "requests"), String(TOTAL));
});

test("a group is chosen by its name", async (t) => {
  const page = await open(t, "#range=1h&groups=nobody");
  await shows(figure(page, "requests"), "0");
  await page.locator("#filter-groups").click();
  await page.getByRole("checkbox", { name: "web" }).check();
  await page.getByRole("checkbox", { name: "nobody" }).click();
  await shows(figure(page, "requests"), String(TOTAL));
});

test("a time range is chosen by its button and stands in the address", async (t) => {
  const page = await open(t);
  const asked = page.waitForRequest(/v1\/metrics\/live\?.*span=900/);
  await page.getByRole("button", { name: "last 15 minutes" }).click();
  await asked;
  assert.match(page.url(), /#range=15m/);
  assert.equal(await page.getByRole("button", { name: "last 15 minutes" }).getAttribute("aria-pressed"), "true");
});

test("dragging over a chart zooms all panels to that time, and one button leads back", async (t) => {
  const page = await open(t, "#range=5m");
  const box = (await page.locator(".area-requests .u-over").boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.2, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, y, { steps: 4 });
  await page.mouse.up();
  await page.waitForSelector(".fixed-note");
  const range = new URLSearchParams(new URL(page.url()).hash.slice(1));
  const seconds = (Date.parse(range.get("to")!) - Date.parse(range.get("from")!)) / 1000;
  assert.ok(seconds >= 55 && seconds <= 66, `${seconds} s of five minutes' fifth`);
  await shows(() => page.locator(".connection").innerText(), "Fixed time");
  await page.getByRole("button", { name: "Back to live" }).click();
  await shows(() => page.locator(".connection").innerText(), "Live");
});

test("a time of one's own is shown when its ends are given", async (t) => {
  const page = await open(t);
  await page.locator("#custom-range").click();
  await page.getByLabel("From", { exact: true }).fill("2001-01-01T00:00:00");
  await page.getByLabel("To", { exact: true }).fill("2001-01-01T00:10:00");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await shows(figure(page, "requests"), "0");
  assert.match(await page.locator(".fixed-note").innerText(), /1 Jan 00:00:00 – 1 Jan 00:10:00/);
});

test("each tab is a top list, and the arrow keys go through them", async (t) => {
  const page = await open(t, "#range=1h");
  await shows(async () => (await rows(page, ".tops")())[0], "/");
  await page.getByRole("tab", { name: "404" }).click();
  await shows(rows(page, ".tops"), ["/missing.html"]);
  assert.equal(await requestsOf(page, ".tops tbody tr")(), "5");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("tab", { selected: true }).innerText(), "Referrers");
  await shows(async () => (await rows(page, ".tops")())[0], "https://search.example/find");
});

test("a visitor's click stream tells the pages in order and the servers that were crossed", async (t) => {
  const page = await open(t, "#range=1h");
  await page.getByLabel("Find a visitor").fill(VISITOR);
  await shows(() => page.locator(".sessions tbody .expand").count(), 1);
  await page.locator(".sessions .expand").click();
  assert.equal(await page.locator(".sessions .expand").getAttribute("aria-expanded"), "true");
  await shows(() => page.locator(".clicks .path").allInnerTexts(), ["/step-3", "/step-2", "/step-1", "/step-0"]);
  assert.deepEqual(await page.locator(".clicks .by").allInnerTexts(), ["web1", "web3", "web2", "web1"]);
  await page.locator(".sessions .expand").click();
  assert.equal(await page.locator(".clicks").count(), 0);
});

test("the live tail shows lines as they come, filters them, and holds still when it is paused", async (t) => {
  const other = await metricsNode(t);
  await publish(other.url, "web1", [line()]);
  const page = await openPage(t, other.url);
  await page.locator(".area-tail").scrollIntoViewIfNeeded();
  await shows(() => page.locator(".area-tail [role=status]").innerText(), "following");
  const paths = async () =>
    (await page.locator(".tail .text").allInnerTexts()).map((text) => text.match(/GET (\S+)/)?.[1]);
  await publish(other.url, "web1", [line({ path: "/one" }), line({ path: "/two" })]);
  await shows(paths, ["/one", "/two"]);
  await page.getByRole("button", { name: "Pause" }).click();
  await publish(other.url, "web1", [line({ path: "/three" })]);
  await shows(() => page.locator(".area-tail [role=status]").innerText(), "paused, 1 waiting");
  assert.deepEqual(await paths(), ["/one", "/two"]);
  await page.getByLabel("Filter lines").fill("/T");
  await shows(paths, ["/two"]);
  await page.getByRole("button", { name: "Go on" }).click();
  await shows(paths, ["/two", "/three"]);
});

test("the past is played again through the same panels, marked as not live", async (t) => {
  const iso = (agoS: number) => new Date(Date.now() - agoS * 1000).toISOString();
  const page = await open(t, `#from=${iso(300)}&to=${iso(-2)}`);
  await page.getByRole("button", { name: "Replay" }).click();
  await page.locator(".replay select").selectOption("60");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await shows(() => page.locator(".replay-mark").innerText(), "Replay 60×, not live");
  assert.match(page.url(), /replay=60/);
  await shows(figure(page, "requests"), String(TOTAL), 30_000);
  await shows(() => page.locator(".replay-mark").innerText(), "Replay ended", 30_000);
  await page.getByRole("button", { name: "Back to live" }).click();
  await shows(() => page.locator(".connection").innerText(), "Live");
});

test("lines that are markup, scripts, escape sequences, endless, turned round or no text do nothing but show", async (t) => {
  const other = await metricsNode(t);
  const page = await openPage(t, `${other.url}/#range=5m`);
  const evil = "<img/src=x/onerror=alert(1)><script>alert(2)</script>";
  const hostile = [
    line({ path: `/${evil}`, referrer: `https://x.example/${evil}`, agent: evil, address: "192.0.2.1" }),
    line({ path: "/javascript:alert(3)", referrer: "javascript:alert(4)" }),
    line({ path: "/\u001b[31mred\u001b[0m\u0007", status: 404 }),
    line({ path: `/${"long".repeat(5000)}` }),
    line({ path: "/\u202egpj.exe\u202c/עברית" }),
    Buffer.concat([Buffer.from(line({ path: "/bytes-" }).slice(0, -1)), Buffer.from([0xff, 0xfe, 0x80, 0x0a])]),
    `${evil}\n`,
  ];
  await page.waitForSelector("[data-notice=empty], .grid");
  await publish(other.url, "web1", hostile);
  await page.waitForSelector(".grid", { timeout: 20_000 });
  await page.locator(".area-tail").scrollIntoViewIfNeeded();
  await shows(() => page.locator(".area-tail [role=status]").innerText(), "following");
  await publish(other.url, "web1", hostile);
  await shows(() => page.locator(".tail .is-line").count(), 7);
  const tail = await page.locator(".tail").innerText();
  for (const shown of [evil, "\\x1b[31mred\\x1b[0m\\x07", "\\u{202e}gpj.exe", "\\xff\\xfe\\x80"])
    assert.ok(tail.includes(shown), shown);
  assert.match(tail, /… \(\d+ characters\)/);
  for (const tab of await page.getByRole("tab").all()) {
    await tab.click();
    await waitFor(async () => (await tab.getAttribute("aria-selected")) === "true");
  }
  await page.getByRole("tab", { name: "Pages" }).click();
  await waitFor(async () => (await page.locator(".tops").innerText()).includes("onerror"));
  for (const row of await page.locator(".sessions .expand").all()) await row.click();
  assert.equal(await page.locator("main img, main script, main iframe, main a, main [onerror]").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
});

test("everything can be done from the keyboard, and one sees where one is", async (t) => {
  const page = await open(t, "#range=5m");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement!.textContent), "Skip to the figures");
  // Going round with Tab comes to every control that is to be seen.
  const reached = new Set<string>();
  const here = () =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      const { outlineStyle } = getComputedStyle(element);
      if (element === document.body) return { name: "", outlineStyle: "" };
      return { name: element.id || element.getAttribute("aria-label") || element.innerText.trim(), outlineStyle };
    });
  for (let at = 0; at < 150; at++) {
    await page.keyboard.press("Tab");
    const { name, outlineStyle } = await here();
    if (name === "" || reached.has(name)) continue;
    assert.notEqual(outlineStyle, "none", `${name} has the focus and does not show it`);
    reached.add(name);
  }
  const wanted = [
    "filter-groups",
    "filter-servers",
    "last hour",
    "custom-range",
    "Replay",
    "theme",
    "Keyboard shortcuts",
  ];
  for (const name of [...wanted, "web1", "tab-pages", "Find a visitor", "tail-filter", "Pause"]) {
    assert.ok(reached.has(name), `${name} is not among ${[...reached].join(", ")}`);
  }
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("?");
  await shows(() => page.locator("dialog[open]").count(), 1);
  await page.keyboard.press("Escape");
  await shows(() => page.locator("dialog[open]").count(), 0);
  await page.keyboard.press("1");
  await waitFor(() => page.url().includes("range=1m"));
  await page.keyboard.press("s");
  await page.waitForSelector(".menu-panel input:focus");
  await page.keyboard.press("Space");
  await shows(() => page.locator(".menu-panel input:checked").count(), 1);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement!.id), "filter-servers");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement!.id), "tail-filter");
  await page.keyboard.type("rpt?1");
  assert.equal(await page.locator("#tail-filter").inputValue(), "rpt?1", "keys are letters while one writes");
});

test("the arrow keys read a chart value by value", async (t) => {
  const page = await open(t, "#range=5m");
  const chart = page.getByRole("img", { name: /^Requests by status/ });
  await chart.focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await waitFor(async () =>
    /^\d\d:\d\d:\d\d: other/.test(await page.locator(".area-requests [role=status]").innerText()),
  );
});

test("a node that dies is told with the age of the figures, and found again when it is back", async (t) => {
  const listen = `127.0.0.1:${await freePort()}`;
  const data = tempFolder(t);
  const first = await metricsNode(t, { listen, data });
  await publish(
    first.url,
    "web1",
    times(7, () => line()),
  );
  const page = await openPage(t, `${first.url}/#range=1h`);
  await shows(figure(page, "requests"), "7");
  await first.close();
  await waitFor(
    async () => (await page.locator(".connection").innerText()).startsWith("Disconnected · figures "),
    20_000,
  );
  assert.equal(await figure(page, "requests")(), "7", "what was known stays");
  assert.equal(await page.locator(".well").getAttribute("data-level"), "unknown", "nobody knows whether all is well");
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(await wide(), 390, "there is room for what is to be said, on a phone too");
  assert.match(await page.locator("main").getAttribute("class").then(String), /is-stale/);
  const second = await metricsNode(t, { listen, data });
  await publish(
    second.url,
    "web1",
    times(3, () => line()),
  );
  await shows(() => page.locator(".connection").innerText(), "Live", 20_000);
  await shows(figure(page, "requests"), "10", 20_000);
});

test("a node without lines says what to try, and shows figures as soon as there are some", async (t) => {
  const other = await metricsNode(t);
  const page = await openPage(t, other.url);
  const notice = page.locator("[data-notice=empty]");
  await notice.waitFor();
  assert.match(
    await notice.innerText(),
    new RegExp(`curl --data-binary @access.log ${other.url}/v1/groups/coolsite/messages`),
  );
  await publish(other.url, "web1", [line()]);
  await page.waitForSelector("[data-server=web1]", { timeout: 20_000 });
});

test("a node without metrics says how to switch them on", async (t) => {
  const other = await testNode(t);
  const page = await openPage(t, other.url, { expected: /404/ });
  await page.waitForSelector("[data-notice=refused]");
  assert.match(await page.locator("[data-notice=refused]").innerText(), /keeps no metrics/);
});

for (const width of [320, 390, 760, 1180, 1920]) {
  test(`at ${width} pixels nothing is wider than the screen`, async (t) => {
    const page = await open(t, "#range=1h", { width, height: 844 });
    await shows(figure(page, "requests"), String(TOTAL));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
  });
}

test("a switch turns light and dark, which follow the system until then", async (t) => {
  const page = await open(t, "", { dark: true });
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  assert.equal(await background(), "rgb(13, 16, 20)");
  await page.getByRole("button", { name: "Switch to light colours" }).click();
  assert.equal(await background(), "rgb(244, 245, 247)");
  await page.reload();
  assert.equal(await background(), "rgb(244, 245, 247)");
});

test("every control has a name, every table its headings, and the page one title", async (t) => {
  const page = await open(t, "#range=1h");
  await shows(figure(page, "requests"), String(TOTAL));
  const faults = await page.evaluate(() => {
    const found: string[] = [];
    const say = (element: Element, what: string) => found.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
    const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];
    for (const each of all("button")) {
      if (!each.getAttribute("aria-label") && each.textContent!.trim() === "") say(each, "no name");
    }
    for (const each of all("input, select")) {
      if (!each.getAttribute("aria-label") && each.closest("label") === null) say(each, "no label");
    }
    for (const each of all("svg")) if (each.closest("[aria-hidden=true], [role=img]") === null) say(each, "not hidden");
    for (const each of all("[role=img]")) if (!each.getAttribute("aria-label")) say(each, "no alternative");
    for (const each of all("table")) if (each.querySelector("thead th[scope=col]") === null) say(each, "no headings");
    for (const each of all("section")) {
      if (!each.getAttribute("aria-label") && !document.getElementById(each.getAttribute("aria-labelledby") ?? "")) {
        if (!each.classList.contains("panel") || each.querySelector("figure h2") === null) say(each, "no name");
      }
    }
    for (const each of all("[aria-controls]")) {
      if (!document.getElementById(each.getAttribute("aria-controls")!)) say(each, "controls nothing");
    }
    const ids = all("[id]").map(({ id }) => id);
    if (new Set(ids).size !== ids.length) found.push("an id stands twice");
    if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
    if (document.documentElement.lang !== "en") found.push("no language");
    return found;
  });
  assert.deepEqual(faults, []);
});

for (const dark of [false, true]) {
  test(`every text has a contrast of 4.5 or more, ${dark ? "by night" : "by day"}`, async (t) => {
    const page = await open(t, "#range=1h", { dark });
    await shows(figure(page, "requests"), String(TOTAL));
    const poor = await page.evaluate(() => {
      const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
      const over = (colours: string[]): number[] => {
        canvas.clearRect(0, 0, 1, 1);
        for (const each of colours) {
          canvas.fillStyle = each;
          canvas.fillRect(0, 0, 1, 1);
        }
        return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
      };
      const light = (rgb: number[]) => {
        const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      };
      const found: string[] = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const element = walker.currentNode.parentElement!;
        const text = walker.currentNode.textContent!.trim();
        if (text === "" || element.closest(":disabled, noscript, .sr-only, .skip")) continue;
        if (!element.checkVisibility({ visibilityProperty: true })) continue;
        const layers: string[] = [];
        for (let at: Element | null = element; at !== null; at = at.parentElement) {
          layers.unshift(getComputedStyle(at).backgroundColor);
        }
        const [a, b] = [light(over(layers)), light(over([...layers, getComputedStyle(element).color]))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${element.className} ${text.slice(0, 30)}`);
      }
      return [...new Set(found)];
    });
    assert.deepEqual(poor, []);
  });
}

test("hundreds of updates leave nothing behind: no memory, no nodes, no listeners", async (t) => {
  const page = await openPage(t, "about:blank".replace(/.*/, `${node.url}/#range=1h`), { height: 1800 });
  await page.waitForSelector(".grid");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const used = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const of = (name: string) => metrics.find((metric) => metric.name === name)!.value;
    return { heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners") };
  };
  // The node's own overviews, but a hundred times as often as it sends them.
  await page.evaluate(() => {
    const real = window.fetch;
    let updates = 0;
    Object.assign(window, { updates: () => updates });
    window.fetch = async (address, options) => {
      if (!String(address).includes("v1/metrics/live")) return real(address, options);
      const query = new URL(String(address)).searchParams;
      const from = new Date(Date.now() - Number(query.get("span")) * 1000).toISOString();
      const overview = await (await real(`v1/metrics/overview?from=${from}`)).json();
      let timer = 0;
      const encoder = new TextEncoder();
      const body = new ReadableStream({
        start(controller) {
          timer = window.setInterval(() => {
            updates++;
            const moved = JSON.stringify({ ...overview, lagS: updates / 1e6 });
            controller.enqueue(encoder.encode(`event: overview\ndata: ${moved}\n\n`));
          }, 10);
        },
        cancel: () => clearInterval(timer),
      });
      return new Response(body);
    };
  });
  const updates = () => page.evaluate(() => (window as unknown as { updates(): number }).updates());
  await page.keyboard.press("3"); // Another range, so a new stream.
  await waitFor(async () => (await updates()) >= 60, 30_000);
  const before = await used();
  const from = await updates();
  await waitFor(async () => (await updates()) >= from + 300, 40_000);
  const now = await used();
  assert.ok(now.heap < before.heap + 1_000_000, `the heap grew from ${before.heap} to ${now.heap} bytes`);
  assert.ok(now.nodes <= before.nodes + 50, `nodes grew from ${before.nodes} to ${now.nodes}`);
  assert.ok(now.listeners <= before.listeners + 5, `listeners grew from ${before.listeners} to ${now.listeners}`);
});
