import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { countriesOf } from "../../src/metrics/countries.ts";
import { tempFolder } from "../temp.ts";

/**
 * The smallest file in MaxMind's format (MaxMind DB File Format Specification 2.0): a tree of IPv4 networks by their first
 * byte, each leaf a map {country: {iso_code}}.
 */
function countryFile(countries: Readonly<Record<number, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([0x40 | value.length]), Buffer.from(value)]);
  const map = (pairs: readonly (readonly [string, Buffer])[]) =>
    Buffer.concat([Buffer.from([0xe0 | pairs.length]), ...pairs.flatMap(([key, value]) => [text(key), value])]);
  const uint16 = (value: number) => Buffer.from([0xa2, value >> 8, value & 255]);
  const uint32 = (value: number) => Buffer.from([0xc4, 0, 0, value >> 8, value & 255]);
  const data: Buffer[] = [];
  const offsets = new Map<number, number>();
  let dataBytes = 0;
  for (const [first, code] of Object.entries(countries)) {
    const place = map([["country", map([["iso_code", text(code)]])]]);
    offsets.set(Number(first), dataBytes);
    data.push(place);
    dataBytes += place.length;
  }
  // A full tree over the first eight bits: 255 nodes, numbered by level; below the last come the leaves.
  const nodes = 255;
  const record = (depth: number, prefix: number): number => {
    if (depth < 8) return 2 ** depth - 1 + prefix;
    const offset = offsets.get(prefix);
    return offset === undefined ? nodes : nodes + 16 + offset;
  };
  const tree = Buffer.alloc(nodes * 6);
  for (let depth = 0; depth < 8; depth++) {
    for (let prefix = 0; prefix < 2 ** depth; prefix++) {
      const at = (2 ** depth - 1 + prefix) * 6;
      tree.writeUIntBE(record(depth + 1, prefix * 2), at, 3);
      tree.writeUIntBE(record(depth + 1, prefix * 2 + 1), at + 3, 3);
    }
  }
  const metadata = map([
    ["binary_format_major_version", uint16(2)],
    ["binary_format_minor_version", uint16(0)],
    ["build_epoch", Buffer.from([0x01, 0x02, 1])],
    ["database_type", text("Test-Country")],
    ["description", map([])],
    ["ip_version", uint16(4)],
    ["languages", Buffer.from([0x00, 0x04])],
    ["node_count", uint32(nodes)],
    ["record_size", uint16(24)],
  ]);
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from("abcdef4d61784d696e642e636f6d", "hex"), metadata]);
}

test("a file in MaxMind's format tells countries; what is not in it, or no address, has none", async (t) => {
  const path = join(tempFolder(t), "country.mmdb");
  writeFileSync(path, countryFile({ 10: "DE", 192: "NZ" }));
  const countryOf = (await countriesOf(path))!;
  assert.equal(countryOf("10.1.2.3"), "DE");
  assert.equal(countryOf("192.0.2.1"), "NZ");
  assert.equal(countryOf("11.0.0.1"), undefined);
  assert.equal(countryOf("host.example.org"), undefined);
});

test("without a file there are no countries", async () => assert.equal(await countriesOf(undefined), undefined));

test("a file that is none of the kind, or not there, is named with what to do", async (t) => {
  const path = join(tempFolder(t), "country.mmdb");
  await assert.rejects(countriesOf(path), /country\.mmdb.*ENOENT.*MaxMind/s);
  writeFileSync(path, "no database");
  await assert.rejects(countriesOf(path), { code: "BAD_CONFIG" });
});
