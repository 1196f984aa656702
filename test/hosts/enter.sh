#!/bin/bash
# Runs a command in a running host: `enter.sh STATE COMMAND...`. It is in the host's cgroups before it is in its
# namespaces, so that whatever it starts ends with the host.
set -eu
state=$1
shift
if [[ ! -f $state/init.pid ]]; then
  echo 'disposable host: it has ended' >&2
  exit 125
fi
exec bash "$(dirname "$0")/enter-cgroups.sh" "$state" init nsenter --target "$(<"$state/init.pid")" \
  --root --mount --uts --ipc --net --pid --cgroup env --chdir="${OO_HOST_CWD:-/}" -u OO_HOST_CWD -- "$@"
