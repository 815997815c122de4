/** What a user agent calls itself, short enough for a table. A guess for people: the top lists count with a real parser. */

/** The first that is found in the text tells; those that pretend to be others come before them. */
const BROWSERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bEdgA?\/(\d+)/, "Edge"],
  [/\bOPR\/(\d+)/, "Opera"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet"],
  [/\bVivaldi\/(\d+)/, "Vivaldi"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/\b(?:Chrome|CriOS|Chromium)\/(\d+)/, "Chrome"],
  [/\bVersion\/(\d+)[^ ]* .*Safari\//, "Safari"],
];

const SYSTEMS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\biPhone\b|\biPod\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

const ROBOT = /([\w .-]*(?:bot|crawler|spider|slurp|monitor|preview)[\w.-]*)(?:\/([\d.]+))?/i;

/** "Firefox 138, Linux"; the text itself where nothing is known. */
export function agentWords(agent: string): string {
  if (!agent.startsWith("Mozilla/")) return agent;
  const robot = ROBOT.exec(agent.replace(/\(KHTML[^)]*\)/, ""));
  if (robot !== null) return [robot[1]!.trim(), robot[2]].filter(Boolean).join(" ");
  for (const [pattern, name] of BROWSERS) {
    const found = pattern.exec(agent);
    if (found === null) continue;
    const system = SYSTEMS.find(([each]) => each.test(agent))?.[1];
    return `${name} ${found[1]}${system === undefined ? "" : `, ${system}`}`;
  }
  return agent;
}
