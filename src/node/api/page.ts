/** What stands at `/`: what this is and what to try. */
export function pageText({ nodeName, version }: { nodeName: string; version: string }, host: string): string {
  // The Host header comes from the client and goes back to it only: as plain text, and only if it looks like one.
  const base = `http://${/^[\w.:[\]-]{1,260}$/.test(host) ? host : "127.0.0.1:4804"}`;
  return `logspread ${version}, node ${nodeName}

Log lines of many servers, in one order, at as many readers as you like. Three things to try:

  Publish    echo 'hello, logs' | curl --data-binary @- ${base}/v1/groups/coolsite/messages
  Read       curl -N '${base}/v1/groups/coolsite/messages?follow=true&from=first'
  Look       curl ${base}/v1/groups

For machines: /healthz /readyz /metrics /openapi.json
`;
}
