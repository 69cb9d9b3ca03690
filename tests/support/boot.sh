#!/usr/bin/env bash
# Boots systemd as PID 1 in a throw-away copy of this machine: an overlay over /, in namespaces of its own. Nothing outside
# changes. Prints the id of the process to enter when it has booted; halts and cleans up when its standard input ends.
# usage, as root:  boot.sh NAME [FILE NAME_INSIDE]…    each file is put into /opt. Needs Debian's systemd-container.
set -euo pipefail
name=$1; shift
work=$(mktemp -d)
# A system of its own needs control groups of its own, in whichever hierarchies there are.
groups=$(for h in systemd unified; do if [ -d "/sys/fs/cgroup/$h" ]; then echo "/sys/fs/cgroup/$h/$name"; fi; done)
cleanup() {
  umount -R "$work" 2>/dev/null || true
  for group in $groups; do find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true; done
  rm -rf "$work" "$work.log"
}
trap cleanup EXIT
export name work groups
unshare --mount --propagation private bash -euc '
  for group in $groups; do mkdir -p "$group"; echo $$ >"$group/cgroup.procs"; done
  mount -t tmpfs tmpfs "$work"; cd "$work"; mkdir upper working root
  mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/working" root
  mkdir -p root/opt
  while [ $# -gt 0 ]; do cp "$1" "root/opt/$2"; chmod 0755 "root/opt/$2"; shift 2; done
  mount -t tmpfs tmpfs /run
  echo uninitialized >root/etc/machine-id
  for unit in systemd-networkd-wait-online networkd-dispatcher systemd-networkd console-getty systemd-logind systemd-firstboot; do
    ln -sf /dev/null "root/etc/systemd/system/$unit.service"
  done
  rm -rf root/etc/systemd/system/{multi-user,timers,sockets}.target.wants
  exec systemd-nspawn -q -D root --keep-unit --register=no --private-network --machine="$name" --console=pipe \
    --notify-ready=yes --boot systemd.unit=multi-user.target systemd.show_status=no
' bash "$@" </dev/null >"$work.log" 2>&1 & container=$!
leader=
for _ in $(seq 400); do
  leader=$(pgrep -P "$container" -x systemd | head -n 1 || true)
  if [ -n "$leader" ]; then break; fi
  sleep 0.05
done
if [ -z "$leader" ]; then cat "$work.log" >&2; exit 1; fi
inside() { nsenter -t "$leader" -m -u -i -n -p -C -r -w "$@"; }
for _ in $(seq 400); do
  case "$(inside systemctl is-system-running 2>/dev/null || true)" in running | degraded) break ;; esac
  sleep 0.05
done
echo "$leader"
cat >/dev/null
kill -RTMIN+4 "$leader" 2>/dev/null || true
wait "$container" || true
