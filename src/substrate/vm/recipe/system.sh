#!/bin/sh
# Turns a fresh Debian root file system ($1) into the system disk of every machine of the lab.
# Which machine it becomes is decided at boot, by the kernel's command line.
set -eu
root=$1

# Name, addresses and state disk, once a boot and before anything that needs them.
cat > "$root/usr/local/sbin/seatrial-machine" <<'END'
#!/bin/sh
set -eu
# Words of the shell alone: each process costs an emulated machine a tenth of a second.
read -r line < /proc/cmdline
for word in $line; do
  case $word in
    seatrial.name=*) name=${word#*=} ;;
    seatrial.role=*) role=${word#*=} ;;
    seatrial.lan=*) lan=${word#*=} ;;
    seatrial.hosts=*) hosts=${word#*=} ;;
  esac
done
echo "$name" > /proc/sys/kernel/hostname
echo "$name" > /etc/hostname
{
  echo "127.0.0.1 localhost"
  IFS=,
  for host in $hosts; do
    echo "${host%%=*} ${host#*=}"
  done
  unset IFS
} > /etc/hosts
ip link set lo up
for card in /sys/class/net/*; do
  read -r hardware < "$card/address" || continue
  case $hardware in
    52:54:00:5e:*) address=$lan ;;
    52:54:00:0a:*) address=10.0.2.15/24 ;;
    *) continue ;;
  esac
  ip addr replace "$address" dev "${card##*/}"
  ip link set "${card##*/}" up
done
case $role in
  storage) where=/data ;;
  *) where=/var/lib/docker ;;
esac
mount /dev/vdb "$where"
END
chmod 755 "$root/usr/local/sbin/seatrial-machine"

cat > "$root/etc/systemd/system/seatrial-machine.service" <<'END'
[Unit]
Description=name, addresses and state disk of this machine
DefaultDependencies=no
After=systemd-remount-fs.service systemd-tmpfiles-setup-dev.service
Before=network-pre.target network.target rpcbind.service nfs-server.service containerd.service docker.service docker.socket shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/seatrial-machine
[Install]
WantedBy=sysinit.target
END

# The engine's API is bound to the management network only: the LAN never sees it.
mkdir -p "$root/etc/systemd/system/docker.service.d"
cat > "$root/etc/systemd/system/docker.service.d/api.conf" <<'END'
[Unit]
After=remote-fs.target
[Service]
ExecStart=
ExecStart=/usr/sbin/dockerd -H fd:// -H tcp://10.0.2.15:2375 --tls=false --containerd=/run/containerd/containerd.sock
END

# What an engine would otherwise find out, or load, at each start. The registry's address is on
# the lab's LAN.
mkdir -p "$root/etc/docker" "$root/etc/containerd"
cat > "$root/etc/docker/daemon.json" <<'END'
{
  "storage-driver": "overlay2",
  "seccomp-profile": "/etc/docker/seccomp.json",
  "insecure-registries": ["192.168.150.28:5000"]
}
END
# Each start of a container compiles the filter of system calls: 4 s of an emulated processor for
# the engine's own, and nothing of Swarm depends on it.
echo '{ "defaultAction": "SCMP_ACT_ALLOW" }' > "$root/etc/docker/seccomp.json"
# An engine runs iptables dozens of times at each start of itself, a container or a published port,
# and the older kind takes half the time.
for tool in iptables ip6tables; do
  chroot "$root" update-alternatives --quiet --set "$tool" "/usr/sbin/$tool-legacy"
done
cat > "$root/etc/containerd/config.toml" <<'END'
version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]
END

# NFS v3 lets go of its locks through statd. Debian stops statd beside the unmounting, which then
# waits for it for a minute.
for unit in rpc-statd.service rpcbind.service; do
  mkdir -p "$root/etc/systemd/system/$unit.d"
  printf '[Unit]\nBefore=remote-fs-pre.target mnt-dockernfs.mount\n' \
    > "$root/etc/systemd/system/$unit.d/order.conf"
done

# The initial RAM disk found all devices already, but for what these rules start.
mkdir -p "$root/etc/systemd/system/systemd-udev-trigger.service.d"
cat > "$root/etc/systemd/system/systemd-udev-trigger.service.d/few.conf" <<'END'
[Service]
ExecStart=
ExecStart=-udevadm trigger --action=add --subsystem-match=virtio-ports --subsystem-match=net --subsystem-match=block
END

# A unit that only one role needs does not start elsewhere.
only_for() {
  role=$1
  shift
  for unit in "$@"; do
    mkdir -p "$root/etc/systemd/system/$unit.d"
    printf '[Unit]\nConditionKernelCommandLine=seatrial.role=%s\n' "$role" \
      > "$root/etc/systemd/system/$unit.d/role.conf"
  done
}
only_for node docker.service docker.socket containerd.service
only_for storage nfs-server.service nfs-mountd.service nfs-idmapd.service nfsdcld.service \
  proc-fs-nfsd.mount
only_for balancer haproxy.service
only_for registry docker-registry.service

# A node is reached by SSH only if somebody asked for it, with keys made for that swarm, and on the
# management network only. /run is fresh at each boot, and sshd wants a folder in it.
rm -f "$root"/etc/ssh/ssh_host_*
cat > "$root/etc/ssh/sshd_config.d/seatrial.conf" <<'END'
ListenAddress 10.0.2.15
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
UseDNS no
END
for unit in ssh.service ssh.socket; do
  chroot "$root" systemctl --quiet disable "$unit" 2> /dev/null || true
done

mkdir -p "$root/data" "$root/mnt/dockernfs" "$root/var/lib/docker"
printf '/data/docker-nfs 192.168.150.0/24(rw,sync,no_subtree_check,no_root_squash,fsid=1)\n' \
  > "$root/etc/exports"

# The console is the log that outlives the machine; nothing here waits for a person.
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nForwardToConsole=yes\nMaxLevelConsole=notice\n' \
  > "$root/etc/systemd/journald.conf.d/console.conf"
chroot "$root" systemctl --quiet enable seatrial-machine.service
chroot "$root" systemctl --quiet set-default multi-user.target
chroot "$root" systemctl --quiet mask \
  serial-getty@ttyS0.service getty.target systemd-logind.service systemd-firstboot.service \
  systemd-machine-id-commit.service systemd-binfmt.service systemd-update-utmp.service \
  systemd-update-utmp-runlevel.service systemd-random-seed.service systemd-user-sessions.service \
  systemd-sysusers.service systemd-remount-fs.service systemd-journal-flush.service \
  modprobe@loop.service modprobe@dm_mod.service systemd-udev-settle.service \
  systemd-timesyncd.service systemd-networkd.service \
  systemd-network-generator.service nfs-blkmap.service systemd-pstore.service \
  modprobe@drm.service modprobe@configfs.service modprobe@fuse.service modprobe@efi_pstore.service \
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount \
  e2scrub_reap.service e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer \
  dpkg-db-backup.timer fstrim.timer logrotate.timer
rm -rf "$root/etc/docker/key.json" "$root/var/lib/apt/lists" "$root/var/cache/apt"
mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
: > "$root/etc/machine-id"
# The name servers of the machine that builds are not those of the lab, which has none.
: > "$root/etc/resolv.conf"
