#!/bin/sh
# Publishes what nginx writes into a FIFO, for ever. Start it before nginx (examples/nginx/logspread-nginx.service).
#
# The FIFO is kept open for reading and writing: so nginx never finds it without a reader, and what is in it outlives a
# publisher, which is started again when it dies.
set -eu
fifo=${1:-/run/logspread/nginx.fifo}
[ -p "$fifo" ] || mkfifo -m 0620 "$fifo"
exec 3<>"$fifo"
while :; do
	/usr/bin/logspread publish --group coolsite --to http://127.0.0.1:4804 --spool /var/spool/logspread <&3 || true
	sleep 1
done
