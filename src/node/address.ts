/** Where to listen, as it is written: "127.0.0.1:4804", "[::1]:4804", "*:4804", ":4804", or the path of a unix socket. */
import net from "node:net";

export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** The address that `text` means, or why it means none. */
export function parseAddress(text: string): Address | { readonly kind: "fault"; readonly why: string } {
  const path = text.replace(/^unix:/, "");
  if (path.startsWith("/") || path.startsWith("./")) {
    // The kernel's own limit (sun_path), past which a path would be cut.
    if (Buffer.byteLength(path) > 107) return { kind: "fault", why: "the path of a unix socket has at most 107 bytes" };
    return { kind: "unix", path };
  }
  const found = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (!found)
    return { kind: "fault", why: 'it is neither HOST:PORT, such as "127.0.0.1:4804" or "[::1]:4804", nor a path' };
  const host = found[1] ?? found[2]!;
  const port = Number(found[3]);
  if (port > 65_535) return { kind: "fault", why: `port ${port} is over 65535` };
  if (found[1] !== undefined && !net.isIPv6(host)) return { kind: "fault", why: `${host} is no IPv6 address` };
  return { kind: "tcp", host: host === "" || host === "*" ? "0.0.0.0" : host, port };
}

/** Whether only this machine can reach it. */
export function isLoopback(address: Address): boolean {
  if (address.kind === "unix") return true;
  const { host } = address;
  return host === "localhost" || host === "::1" || (net.isIPv4(host) && host.startsWith("127."));
}
