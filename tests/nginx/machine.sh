# A machine of its own to try nginx on: a throw-away copy of ROOT in namespaces of its own for
# mounts, processes and the network. Ends, with all that runs in it, when its standard input ends.
# usage, as root: unshare --mount --net --pid --fork --propagation private sh machine.sh ROOT WORK [FILE PATH]…
set -eu
root=$1 work=$2; shift 2
mount -t tmpfs -o mode=0755 tmpfs "$work"
mkdir "$work/upper" "$work/working" "$work/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/working" "$work/root"
cd "$work/root"
mount -t proc proc proc
mount --rbind /dev dev
while [ $# -gt 0 ]; do
  : >"./$2"
  mount --bind -o ro "$1" "./$2"; shift 2
done
ip link set lo up
for address in 192.0.2.1 192.0.2.2 2001:db8:0:1::1 2001:db8:0:1::2 2001:db8:0:2::1; do
  ip address add "$address" dev lo
done
echo ready
cat >/dev/null
