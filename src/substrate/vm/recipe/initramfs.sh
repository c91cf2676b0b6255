#!/bin/sh
# Keeps the initial RAM disk to what a machine of the lab needs before its root is mounted.
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d"
printf 'MODULES=list\nCOMPRESS=zstd\n' > "$1/etc/initramfs-tools/conf.d/seatrial"
printf '%s\n' virtio_pci virtio_blk virtio_net virtio_rng virtio_console ext4 \
  > "$1/etc/initramfs-tools/modules"
