/** Formats that have a name, as the servers' own manuals and packages spell them. */
export const PRESETS: Readonly<Record<string, string>> = {
  common: '%h %l %u %t "%r" %>s %b',
  vcommon: '%v %h %l %u %t "%r" %>s %b',
  combined: '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
  // As Debian's apache2.conf has it: with the port, and bytes with headers (%O).
  vhost_combined: '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
  combinedio: '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %I %O',
  nginx:
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
};
