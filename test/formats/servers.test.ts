/** Lines as nginx, HAProxy and Apache themselves write them, of requests that are known, ugly ones among them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Format, parserFor } from "../../src/formats/parser-for.ts";
import { recognise } from "../../src/formats/recognise.ts";
import { Apache, skipApache } from "../apache/apache.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { type Plain, parsedBy } from "./parsed.ts";

const NGINX = "/usr/sbin/nginx";
const HAPROXY = "/usr/sbin/haproxy";
const skip = existsSync(NGINX) && existsSync(HAPROXY) ? false : "needs Debian's nginx and haproxy";

/** Requests, each on a connection of its own, and what their lines must say. */
const REQUESTS: readonly { readonly send: string; readonly says: Partial<Plain> }[] = [
  {
    send: 'GET /a?b=c%20d HTTP/1.1\r\nHost: e.org\r\nUser-Agent: x "y" \\ z\r\nReferer: http://e.org/\r\nConnection: close\r\n\r\n',
    says: { method: "GET", target: "/a?b=c%20d", path: "/a", query: "b=c%20d", protocol: "HTTP/1.1", status: 200 },
  },
  {
    send: 'GET /"quoted" HTTP/1.1\r\nHost: e.org\r\nUser-Agent: ends in a quote"\r\nConnection: close\r\n\r\n',
    says: { method: "GET", status: 200, protocol: "HTTP/1.1" },
  },
  { send: "GET /missing HTTP/1.0\r\n\r\n", says: { path: "/missing", status: 404, protocol: "HTTP/1.0" } },
  { send: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\r\n\r\n", says: { method: undefined, status: 400 } },
  { send: "MGLNDD_192.0.2.1_443\r\n\r\n", says: { method: undefined, status: 400 } },
];

/** Sends the requests in turn, each when `lines` has that of the one before: threads may log in another order. */
async function ask(
  where: { readonly path: string } | { readonly port: number },
  lines: () => readonly string[],
): Promise<void> {
  for (const [i, { send }] of REQUESTS.entries()) {
    const socket = net.connect({ ...where, host: "127.0.0.1" } as net.NetConnectOpts);
    socket.resume().on("error", () => {});
    socket.write(Buffer.from(send, "latin1"));
    await once(socket, "close");
    await waitFor(() => lines().length === i + 1);
  }
}

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "latin1").split("\n").slice(0, -1) : [];
}

/** Asserts that `lines` say of REQUESTS what was asked and answered. */
function assertSaid(
  lines: readonly string[],
  format: Format,
  more: (record: Plain, i: number) => void = () => {},
): void {
  assert.equal(lines.length, REQUESTS.length, lines.join("\n"));
  const parser = parserFor(format);
  for (const [i, line] of lines.entries()) {
    const record = parsedBy(parser, Buffer.from(line, "latin1"));
    assert.equal(record.outcome, "ok", line);
    for (const [field, value] of Object.entries(REQUESTS[i]!.says)) {
      assert.deepEqual(record[field as keyof Plain], value, `${field} of ${line}`);
    }
    assert.ok(Math.abs(Date.parse(record.at!) - Date.now()) < 60_000, line);
    more(record, i);
  }
}

async function startServer(t: TestContext, program: string, args: string[], socket: string): Promise<string[]> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TZ: "UTC" } });
  t.after(async () => {
    const gone = child.exitCode !== null ? undefined : once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  const output: string[] = [];
  child.stdout.on("data", (text) => output.push(String(text)));
  child.stderr.on("data", (text) => output.push(String(text)));
  await waitFor(() => {
    if (child.exitCode !== null) throw new Error(output.join(""));
    return answers(socket);
  });
  return output;
}

/** Whether somebody listens. To connect and to say nothing is logged by neither server. */
async function answers(path: string): Promise<boolean> {
  const socket = net.connect({ path });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const TIMED = `'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`;

async function startNginx(t: TestContext, folder: string): Promise<void> {
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
    events {}
    http {
      log_format timed ${TIMED} $request_time $upstream_response_time';
      log_format upstream ${TIMED} rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time"';
      log_format json escape=json '{"time":"$time_iso8601","msec":"$msec","remote_addr":"$remote_addr","request":"$request","status":$status,"body_bytes_sent":$body_bytes_sent,"request_time":$request_time,"http_user_agent":"$http_user_agent","http_referer":"$http_referer","host":"$host"}';
      client_body_temp_path ${folder}/1; proxy_temp_path ${folder}/2; fastcgi_temp_path ${folder}/3;
      uwsgi_temp_path ${folder}/4; scgi_temp_path ${folder}/5;
      server {
        listen unix:${folder}/behind.sock; access_log off;
        location / { return 200 "hello"; }
        location /missing { return 404; }
      }
      upstream pool { server unix:${folder}/nobody.sock; server unix:${folder}/behind.sock backup; }
      server {
        listen unix:${folder}/nginx.sock;
        access_log ${folder}/combined.log;
        access_log ${folder}/timed.log timed;
        access_log ${folder}/upstream.log upstream;
        access_log ${folder}/json.log json;
        location / { proxy_pass http://pool; }
      }
    }`,
  );
  await startServer(
    t,
    NGINX,
    ["-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")],
    join(folder, "nginx.sock"),
  );
}

test("nginx: combined, with times, key=value and JSON", { skip }, async (t) => {
  const folder = tempFolder(t);
  await startNginx(t, folder);
  const log = (name: string) => linesOf(join(folder, `${name}.log`));
  await ask({ path: join(folder, "nginx.sock") }, () => log("json"));

  assertSaid(log("combined"), "nginx", (record, i) => {
    if (i === 0) assert.equal(record.agent, "x \\x22y\\x22 \\x5C z");
    if (i === 1) assert.equal(record.target, "/\\x22quoted\\x22");
    if (i === 1) assert.equal(record.agent, "ends in a quote\\x22");
  });
  assertSaid(log("timed"), "nginx-timed", (record, i) => {
    assert.ok(record.durationUs! >= 0 && record.durationUs! < 10_000_000);
    // The first of two servers was not there: a list of two, of which the sum is known.
    if (i === 0) assert.match(record.upstream_times!, /^0\.\d{3}, 0\.\d{3}$/);
    assert.equal(record.upstreamUs !== undefined, i < 3);
    assert.equal(record.rest, undefined);
  });
  assertSaid(log("upstream"), "nginx-upstream", (record, i) => {
    assert.equal(record.upstreamLastUs !== undefined, i < 3);
    assert.equal(record.rest, undefined);
  });
  assertSaid(log("json"), "nginx-json", (record, i) => {
    if (i === 0) assert.deepEqual([record.agent, record.referrer], ['x "y" \\ z', "http://e.org/"]);
    assert.ok(record.durationUs! >= 0);
    assert.match(record.at!, /\.\d{3}Z$/);
  });
  const names = ["combined", "timed", "upstream", "json"].map((name) => recognise(log(name))?.name);
  assert.deepEqual(names, ["combined", "nginx-timed", "nginx-upstream", "nginx-json"]);
});

test("HAProxy: httplog, plain and with syslog headers, with captures", { skip }, async (t) => {
  const folder = tempFolder(t);
  await startNginx(t, folder);
  for (const format of ["raw", "rfc3164", "rfc5424"]) {
    const socket = join(folder, `${format}.sock`);
    writeFileSync(
      join(folder, "haproxy.cfg"),
      `global
        log stdout len 65535 format ${format} local0
      defaults
        mode http
        log global
        option httplog
        option http-server-close
        option dontlognull
        timeout connect 5s
        timeout client 5s
        timeout server 5s
      frontend web
        bind unix@${socket}
        capture request header Host len 20
        capture request header User-Agent len 64
        default_backend static
      backend static
        server srv1 unix@${folder}/behind.sock
`,
    );
    const output = await startServer(t, HAPROXY, ["-db", "-f", join(folder, "haproxy.cfg")], socket);
    const lines = () =>
      output
        .join("")
        .split("\n")
        .slice(0, -1)
        .filter((line) => line.includes(" web "));
    await ask({ path: socket }, lines);
    assertSaid(lines(), "haproxy-http", (record, i) => {
      assert.ok(record.durationUs! >= 0 && record.durationUs! < 10_000_000);
      assert.equal(record.ttfbUs !== undefined, i < 3, `${record.ttfbUs}`);
      if (i < 3) assert.deepEqual([record.upstream, record.state], ["static/srv1", "----"]);
      else assert.deepEqual([record.upstream, record.request], ["web/<NOSRV>", "<BADREQ>"]);
      assert.equal(record.rest, undefined);
    });
    assert.equal(recognise(lines())?.name, "haproxy-http");
  }
});

test("Apache: combined with %D, and a format of its own", { skip: skipApache, timeout: 60_000 }, async (t) => {
  const combined = '%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"';
  const own = '%{%Y-%m-%d %H:%M:%S}t.%{usec_frac}t %{%z}t %a \\"%m\\" \\"%U%q\\" %>s %B %{ms}T %X';
  const apache = await Apache.start(t, {
    name: "site",
    mpm: "event",
    logging: `CustomLog timed.log "${combined} %D"\nCustomLog own.log "${own}"`,
  });
  const log = (name: string) => linesOf(join(apache.folder, name)).filter((line) => !line.includes("/site/started"));
  const format = own.replaceAll('\\"', '"');
  await ask({ port: Number(new URL(apache.url).port) }, () => log("own.log"));
  const parser = parserFor("combined-timed");
  const records = log("timed.log").map((line) => parsedBy(parser, Buffer.from(line, "latin1")));
  assert.deepEqual(
    records.map((record) => [record.outcome, record.rest, record.address, record.durationUs! >= 0]),
    REQUESTS.map(() => ["ok", undefined, "127.0.0.1", true]),
  );
  assert.deepEqual(records[0]!.agent, 'x \\"y\\" \\\\ z');
  assert.deepEqual(records[1]!.target, '/\\"quoted\\"');
  assert.deepEqual(records[1]!.agent, 'ends in a quote\\"');
  assert.match(records[3]!.request!, /^\\x16\\x03/);
  assert.equal(recognise(log("timed.log"))?.name, "combined-timed");
  const ownParser = parserFor(format);
  const owns = log("own.log").map((line) => parsedBy(ownParser, Buffer.from(line, "latin1")));
  assert.deepEqual(
    owns.map((record) => [record.outcome, record.rest]),
    REQUESTS.map(() => ["ok", undefined]),
  );
  assert.deepEqual([owns[0]!.path, owns[0]!.query, owns[0]!.method], ["/a", "b=c%20d", "GET"]);
  assert.ok(Math.abs(Date.parse(owns[0]!.at!) - Date.now()) < 60_000);
});
