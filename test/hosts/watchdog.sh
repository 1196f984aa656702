#!/bin/bash
# Outlives the runner of a disposable host: standard input is a pipe whose other end only the runner holds, so its
# end means that the runner has ended, however it did. Then what the host had is removed.
trap '' INT TERM HUP
while read -r _; do :; done
[[ -d ${OO_HOSTS_STATE:-/run/oo-node-hosts}/$1 ]] || exit 0
exec bash "${0%/*}/cleanup.sh" "$1" >/dev/null 2>&1
