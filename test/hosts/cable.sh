#!/bin/bash
# A virtual cable between disposable hosts: a bridge in a network namespace of its own, sourced by init.sh. Invariant:
# nothing but descriptor 9 of the first process of each joined host holds that namespace, so it is gone with the last
# of these hosts, however they end, and nothing of it is ever in the machine's network.

# The namespace of a living host on the same cable, as a path; called under the lock.
cable_of_others() {
  local other id pid
  for other in "${state%/*}"/*/; do
    other=${other%/} id=${other##*/}
    [[ $other != "$state" && -f $other/init.pid ]] || continue
    grep -qxF "CABLE_NAME='$CABLE_NAME'" "$other/config" || continue
    pid=$(<"$other/init.pid") || continue
    # The number may be somebody else's by now: only a process of that host's groups counts.
    grep -q "oo-host-$id" "/proc/$pid/cgroup" 2>/dev/null || continue
    [[ $(readlink "/proc/$pid/fd/9") == net:* ]] || continue
    echo "/proc/$pid/fd/9"
    return
  done
}

make_cable() {
  local maker
  # It says its number, as the machine counts, from within the new namespace, and lives until that has been opened.
  # shellcheck disable=SC2016
  coproc MAKER { exec unshare --net bash -c 'read -r outer _ </proc/self/stat && echo "$outer" && read -r _'; }
  local end=$MAKER_PID
  read -r maker <&"${MAKER[0]}"
  exec 9<"/proc/$maker/ns/net"
  echo opened >&"${MAKER[1]}"
  wait "$end"
  nsenter --net=/proc/self/fd/9 bash -c '
    # Frames that only cross the bridge are no business of packet filters, where the kernel would ask them.
    for file in /proc/sys/net/bridge/bridge-nf-call-*; do [[ ! -w $file ]] || echo 0 >"$file"; done
    ip link add oocable type bridge && ip link set oocable alias "$1" up' cable "$CABLE_NAME"
}

join_cable() {
  local found
  # The folder cannot be removed meanwhile: this host's own state lies in it.
  exec 8<"${state%/*}"
  flock -w 20 8
  found=$(cable_of_others)
  if [[ -n $found ]]; then exec 9<"$found"; else make_cable; fi
  exec 8<&-
  ip link add cable0 type veth peer name "oo${state##*/}" netns /proc/self/fd/9
  nsenter --net=/proc/self/fd/9 ip link set "oo${state##*/}" master oocable up
  ip addr add "$CABLE_ADDRESS/24" dev cable0
  ip link set cable0 up
  for ((try = 0; try < 200; try++)); do
    [[ $(<"$root/sys/class/net/cable0/carrier") != 1 ]] || break
    sleep 0.01
  done
}
