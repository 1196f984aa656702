#!/bin/bash
# Process 1 of a disposable host: `init.sh STATE COMMAND...`. Builds the host's own view (overlay over the machine's
# disks, own /proc, /sys, /dev, /run, /tmp, cgroups, network), moves into it, says so on descriptor 3, runs the
# command and ends with its status; with it ends every process of the host. Bash reaps the orphans meanwhile.
set -eu
state=$1
shift
trap 'status=$?; [[ $status -eq 0 ]] || echo "disposable host: set-up failed at line $LINENO" >&2; exit $status' EXIT
LC_ALL_BEFORE=${LC_ALL-} UPPER_SIZE=75%
# shellcheck disable=SC1091
. "$state/config"
read -r outer _ </proc/self/stat
echo "$outer" >"$state/init.pid"
root=$state/root
mkdir "$root" "$state/upper"

# What is written goes to memory, or to an ext4 image when a disk is asked for.
onDisk=''
if [[ -n $IMAGE ]]; then
  # With quotas where the kernel has them; a kernel without refuses to mount a filesystem that knows of them.
  make_image() {
    rm -f "$IMAGE"
    # Another host that ends may just now remove the folder, which it found empty.
    until mkdir -p "${IMAGE%/*}" && truncate -s 8G "$IMAGE" 2>/dev/null; do sleep 0.01; done
    mkfs.ext4 -q -E lazy_itable_init=1,lazy_journal_init=1,nodiscard "$@" "$IMAGE"
  }
  mount_image() { mount -t ext4 -o "loop,noatime$1" "$IMAGE" "$state/upper" 2>/dev/null; }
  [[ -f $IMAGE ]] || { make_image -O quota,project && mount_image ,prjquota; } || make_image
  if mountpoint -q "$state/upper" || mount_image ,prjquota || mount_image ''; then
    onDisk=image
  else
    onDisk=directory
    mkdir -p "$IMAGE.d"
  fi
fi
[[ $onDisk == image ]] || mount -t tmpfs -o "mode=0755,size=$UPPER_SIZE" oo-host "$state/upper"

overlay() {
  local upper=$state/upper/$2
  mkdir -p "$upper/upper" "$upper/work"
  mount -t overlay -o "lowerdir=$1,upperdir=$upper/upper,workdir=$upper/work" oo-host "$root$1"
}
overlay / root
number=0
for disk in "${DISKS[@]}"; do
  number=$((number + 1))
  mkdir -p "$root$disk"
  overlay "$disk" "disk-$number"
done
if [[ $onDisk == directory ]]; then
  # No loop device here: only the places whose durability matters lie on the real disk.
  for place in /var/lib/openshift /etc/openshift /var/log/openshift; do
    mkdir -p "$IMAGE.d$place" "$root$place"
    mount --bind "$IMAGE.d$place" "$root$place"
  done
fi

mkdir -p "$root"/{proc,sys,dev,run,tmp}
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o nosuid,mode=0755,size=16m oo-dev "$root/dev"
mount -t tmpfs -o nosuid,nodev,mode=0755 oo-run "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 oo-tmp "$root/tmp"
mkdir -m 0755 "$root/dev/pts" "$root/dev/net" "$root/run/sshd"
mkdir -m 1777 "$root/dev/shm" "$root/dev/mqueue" "$root/run/lock"
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 oo-shm "$root/dev/shm"
mount -t mqueue -o nosuid,nodev,noexec mqueue "$root/dev/mqueue" 2>/dev/null || rmdir "$root/dev/mqueue"
umask 0
for node in null,c,1,3 zero,c,1,5 full,c,1,7 random,c,1,8 urandom,c,1,9 tty,c,5,0; do
  IFS=, read -r name kind major minor <<<"$node"
  mknod -m 0666 "$root/dev/$name" "$kind" "$major" "$minor"
done
[[ -e /dev/fuse ]] && mknod -m 0666 "$root/dev/fuse" c 10 229
[[ -e /dev/net/tun ]] && mknod -m 0666 "$root/dev/net/tun" c 10 200
if [[ -e /dev/loop-control ]]; then
  mknod -m 0660 "$root/dev/loop-control" c 10 237
  for number in 0 1 2 3 4 5 6 7; do mknod -m 0660 "$root/dev/loop$number" b 7 $number; done
fi
umask 022
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"

# The same hierarchies at the same places; the cgroup namespace makes the host's own group their root.
for parent in "${CGROUP_PARENTS[@]}"; do mount -t tmpfs -o nosuid,nodev,noexec,mode=0755 oo-cgroup "$root$parent"; done
for hierarchy in "${CGROUP_MOUNTS[@]}"; do
  IFS='|' read -r kind options target <<<"$hierarchy"
  mkdir -p "$root$target"
  mount -t "$kind" -o "$options" "$kind" "$root$target"
  if [[ $kind == cgroup2 ]]; then
    for controller in $(<"$root$target/cgroup.controllers"); do
      echo "+$controller" 2>/dev/null >"$root$target/cgroup.subtree_control" || true
    done
  fi
done
for link in "${CGROUP_LINKS[@]}"; do ln -s "${link#*|}" "$root${link%%|*}"; done

# The repository and what lies shared beside it are seen where they are, and cannot be changed.
for place in "${READ_ONLY[@]}"; do
  mkdir -p "$root$place"
  mount --bind "$place" "$root$place"
  mount -o remount,bind,ro "$root$place"
done
# A clone may lie below a folder that only its owner may enter; accounts made in the host run its programs too.
folder=${READ_ONLY[0]%/*}
while [[ -n $folder ]]; do
  chmod o+x "$root$folder"
  folder=${folder%/*}
done
for place in "${SCRATCH[@]}"; do mount -t tmpfs -o nosuid,nodev,mode=0755 oo-scratch "$root$place"; done

hostname "$HOST_NAME"
ip link set lo up
{
  printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n'
  own=${CABLE_ADDRESS:-${ADDRESSES[0]:-${LINK_ADDRESS:-127.0.1.1}}}
  printf '%s %s %s\n' "$own" "$HOST_NAME" "${HOST_NAME%%.*}"
} >"$root/etc/hosts"
echo "$HOST_NAME" >"$root/etc/hostname"
if ((${#ADDRESSES[@]} > 0)); then
  # A kernel without the dummy device gets a pair whose both ends are inside.
  ip link add net0 type dummy 2>/dev/null || ip link add net0 type veth peer name net0-end
  ip link set net0 up
  [[ ! -e $root/sys/class/net/net0-end ]] || ip link set net0-end up
  for address in "${ADDRESSES[@]}"; do
    if [[ $address == *:* ]]; then ip addr add "$address/128" dev net0 nodad; else ip addr add "$address/24" dev net0; fi
  done
fi
if [[ -n $CABLE_NAME ]]; then
  # shellcheck disable=SC1091
  . "${0%/*}/cable.sh"
  join_cable
fi
if [[ -n $LINK_ADDRESS ]]; then
  # The runner, which alone is in the machine's network, makes the pair now.
  echo link >&3
  for ((try = 0; try < 500; try++)); do
    [[ ! -e $root/sys/class/net/link0 ]] || break
    sleep 0.01
  done
  ip addr add "$LINK_ADDRESS/30" dev link0
  ip link set link0 up
  for ((try = 0; try < 200; try++)); do
    [[ $(<"$root/sys/class/net/link0/carrier") != 1 ]] || break
    sleep 0.01
  done
  ip route add default via "$LINK_MACHINE"
fi

cd "$root"
mkdir -p .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
cd "$WORKING_DIRECTORY" 2>/dev/null || cd /
[[ -z $LC_ALL_BEFORE ]] || export LC_ALL=$LC_ALL_BEFORE
trap - EXIT
interrupted=''
trap 'interrupted=yes' INT TERM HUP QUIT
set +e +u
echo ready >&3
exec 3>&-
[[ -z $interrupted ]] || exit 130
"$@" 9<&-
exit $?
