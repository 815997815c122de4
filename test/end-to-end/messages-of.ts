/** A message as a node tells it. */
export interface Message {
  readonly sender: string;
  readonly line: string;
}

/** All that the bus has of a group, in its order. Lines are latin1, as `linesOf` reads a file. */
export async function messagesOf(url: string, group: string): Promise<Message[]> {
  const response = await fetch(`${url}/v1/groups/${group}/messages?from=first&format=ndjson`);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.text())
    .split("\n")
    .filter((json) => json !== "")
    .map((json) => {
      const { sender, message, data } = JSON.parse(json);
      const bytes = data === undefined ? Buffer.from(message, "utf8") : Buffer.from(data, "base64");
      return { sender, line: bytes.toString("latin1") };
    });
}

/** The lines of one sender, in the order of the bus. */
export function linesOfSender(messages: readonly Message[], sender: string): string[] {
  return messages.filter((message) => message.sender === sender).map(({ line }) => line);
}
