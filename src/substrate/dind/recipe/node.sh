#!/bin/bash
# The first process of a node: makes what an engine needs writable, and keeps the engine.
# Any argument is a command that is run instead.
set -u
if [ $# -gt 0 ]; then exec "$@"; fi

# Without `--privileged` these are read-only. What cannot be helped shows when the engine starts.
while read -r _ _ _ _ at _; do
  case $at in
    /sys/fs/cgroup | /sys/fs/cgroup/* | /proc/sys) mount -o remount,bind,rw "$at" ;;
  esac
done < /proc/self/mountinfo
mount --make-rshared /

# With cgroup v2 a group with processes has no groups of its own (moby: `hack/dind`).
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  while read -r process; do echo "$process" > /sys/fs/cgroup/init/cgroup.procs; done \
    < /sys/fs/cgroup/cgroup.procs 2> /dev/null
  sed -e 's/ / +/g' -e 's/^/+/' < /sys/fs/cgroup/cgroup.controllers \
    > /sys/fs/cgroup/cgroup.subtree_control
fi

# The name servers of the computer are not those of the lab, which has none: an engine that asks for an
# image in vain would wait for them half a minute a task.
: > /etc/resolv.conf

iptables -nL > /dev/null 2>&1 || update-alternatives --set iptables /usr/sbin/iptables-legacy

# The API is bound to the way in only: the LAN never sees it.
way=
while read -r _ _ _ address _; do
  address=${address%%/*}
  [ "$address" = "$SEATRIAL_LAN" ] || way=$address
done < <(ip -o -4 addr show scope global)
engine=
over=
trap 'over=yes; kill -TERM "$engine" 2> /dev/null' TERM INT
# As Debian's unit does: an engine that ends is started again, after 2 s (`RestartSec`).
until [ "$over" ]; do
  dockerd -H unix:///var/run/docker.sock -H "tcp://$way:2375" --tls=false \
    --label "seatrial.swarm=$SEATRIAL_SWARM" &
  engine=$!
  while kill -0 "$engine" 2> /dev/null; do wait "$engine"; done
  [ "$over" ] || sleep 2
done
