#!/bin/bash
# Moves itself into the cgroups of a host, then becomes the command: `enter-cgroups.sh STATE LEAF COMMAND...`.
# LEAF is the group below the host's group in the v2 tree ('' for the group itself). What a later step starts is inside from its first breath.
set -eu
state=$1 leaf=$2
shift 2
# shellcheck disable=SC1091
. "$state/config"
for directory in "${CGROUP_DIRS[@]}"; do
  if [[ -n $leaf && -e $directory/cgroup.kill ]]; then
    [[ -d $directory/$leaf ]] || mkdir "$directory/$leaf"
    directory=$directory/$leaf
  fi
  echo $$ >"$directory/cgroup.procs"
done
exec "$@"
