#!/bin/bash
# The first process of a machine: makes what its server needs, and keeps the server.
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

# The name servers of the computer are not those of the lab, which has none: an engine that asks for an
# image in vain would wait for them half a minute a task.
: > /etc/resolv.conf

# Keeps a server until it is told to end. As with Debian's units, one that ends is started again
# after so many seconds (`RestartSec`).
keep() {
  local pause=$1 server= over=
  shift
  trap 'over=yes; kill -TERM "$server" 2> /dev/null' TERM INT
  until [ "$over" ]; do
    "$@" &
    server=$!
    while kill -0 "$server" 2> /dev/null; do wait "$server"; done
    [ "$over" ] || sleep "$pause"
  done
}

# How an engine listens besides is written down where the managers' API is open to the LAN.
engine() {
  local listen=
  [ ! -e /etc/seatrial/listen ] || read -r listen < /etc/seatrial/listen
  # Words of its own each.
  # shellcheck disable=SC2086
  exec dockerd -H unix:///var/run/docker.sock --label "seatrial.swarm=$SEATRIAL_SWARM" $listen
}

balancer() { exec haproxy -db -f /etc/haproxy/haproxy.cfg; }

registry() {
  exec setpriv --reuid docker-registry --regid docker-registry --init-groups \
    docker-registry serve /etc/docker/registry/config.yml
}

storage() { exec ganesha.nfsd -F -L /dev/stdout -p /run/ganesha.pid -f /etc/ganesha/seatrial.conf; }

node() {
  # With cgroup v2 a group with processes has no groups of its own (moby: `hack/dind`).
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /sys/fs/cgroup/init
    while read -r process; do echo "$process" > /sys/fs/cgroup/init/cgroup.procs; done \
      < /sys/fs/cgroup/cgroup.procs 2> /dev/null
    sed -e 's/ / +/g' -e 's/^/+/' < /sys/fs/cgroup/cgroup.controllers \
      > /sys/fs/cgroup/cgroup.subtree_control
  fi
  iptables -nL > /dev/null 2>&1 || update-alternatives --set iptables /usr/sbin/iptables-legacy
  # The registry's address is on the lab's LAN.
  echo '{ "insecure-registries": ["192.168.150.28:5000"] }' > /etc/docker/daemon.json
  # As a unit that comes after `remote-fs.target`: without its share the engine starts too.
  if [ -s /etc/fstab ]; then timeout 90 mount -a -t nfs,nfs4; fi
  keep 2 engine
  # Nobody else writes what is not written yet, once the network is gone.
  umount -a -t nfs,nfs4
}

# What NFS v3 needs beside its server and its clients.
mkdir -p /etc/docker /data/docker-nfs /mnt/dockernfs
rpcbind
case $SEATRIAL_ROLE in
  node) node ;;
  storage)
    rpc.statd --no-notify
    keep 1 storage
    ;;
  *) keep 0.2 "$SEATRIAL_ROLE" ;;
esac
