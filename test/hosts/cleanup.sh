#!/bin/bash
# Ends one disposable host and removes everything it had on the machine: `cleanup.sh ID`. It may be run at any time
# and any number of times: by the runner at the end, by the watchdog after the runner's death, by the next start.
# Invariant: the state directory goes last, so what could not be removed is tried again.
set -u
id=$1
state=${OO_HOSTS_STATE:-/run/oo-node-hosts}/$id
[[ $id =~ ^[0-9a-f]{8}$ && -d $state ]] || exit 0
exec 8>"$state/cleanup.lock"
flock -w 20 8 || exit 1
[[ -f $state/config ]] || { rm -rf "$state"; exit 0; }
CGROUP_DIRS=() VETH='' IMAGE='' KEEP_IMAGE=''
# shellcheck disable=SC1091
. "$state/config"
shopt -s nullglob

kill_all() {
  local directory file pid
  for directory in "${CGROUP_DIRS[@]}"; do
    [[ -w $directory/cgroup.kill ]] && echo 1 2>/dev/null >"$directory/cgroup.kill"
  done
  while IFS= read -r file; do
    while read -r pid; do kill -KILL "$pid" 2>/dev/null; done 2>/dev/null <"$file"
  done < <(find "${CGROUP_DIRS[@]}" -name cgroup.procs 2>/dev/null)
}
left_cgroups() {
  local directory left=1
  find "${CGROUP_DIRS[@]}" -depth -type d -delete 2>/dev/null
  for directory in "${CGROUP_DIRS[@]}"; do
    [[ -d $directory ]] && left=0
  done
  return $left
}
for ((try = 0; try < 500; try++)); do
  kill_all
  left_cgroups || break
  sleep 0.02
done
[[ -n $VETH ]] && ip link delete "$VETH" 2>/dev/null
[[ -n $IMAGE && -z $KEEP_IMAGE ]] && rm -rf "$IMAGE" "$IMAGE.d"
while read -r _ _ _ _ target _; do
  [[ $target == "$state"/* ]] && umount -l "$target"
done </proc/self/mountinfo
if left_cgroups; then
  echo "host $id: its cgroups could not be removed" >&2
  exit 1
fi
rm -rf --one-file-system "$state"
rmdir "${state%/*}" /var/lib/oo-node-hosts 2>/dev/null
exit 0
