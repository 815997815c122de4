import type { CodeRow } from "../../../src/metrics/snapshot.ts";
import { count, exact, percent, perSecond, text } from "../text/figures.ts";
import { Fig } from "./fig.tsx";

/** Rows that are shown; the rest is summed up. */
const MOST = 10;

const WORDS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  410: "Gone",
  413: "Content Too Large",
  416: "Range Not Satisfiable",
  429: "Too Many Requests",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export function Codes({ codes }: { readonly codes: readonly CodeRow[] }) {
  const rows = [...codes].sort((a, b) => b.requests - a.requests).slice(0, MOST);
  const rest = codes.length - rows.length;
  return (
    <section class="panel area-codes" aria-labelledby="codes-title">
      <div class="panel-head">
        <h2 id="codes-title">Status codes</h2>
        {rest > 0 && <span class="dim">and {rest} more</span>}
      </div>
      <table class="rows codes">
        <thead>
          <tr>
            <th scope="col" class="left">
              Status
            </th>
            <th scope="col">Requests</th>
            <th scope="col">Share</th>
            <th scope="col" class="rank-3">
              A second
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ status, requests, share, perS }) => (
            <tr key={status} data-status={status}>
              <th scope="row" class="left">
                <span class={`code is-class-${Math.floor(status / 100)}`}>{status === 0 ? "none" : status}</span>
                <span class="code-words">{WORDS[status] ?? ""}</span>
                <meter
                  class={`share is-class-${Math.floor(status / 100)}`}
                  min={0}
                  max={1}
                  value={share}
                  aria-hidden="true"
                />
              </th>
              <td>
                <Fig {...count(requests)} title={exact(requests)} />
              </td>
              <td>
                <Fig {...percent(share)} />
              </td>
              <td class="dim rank-3">{text(perSecond(perS))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="nothing">No requests in this time.</p>}
    </section>
  );
}
