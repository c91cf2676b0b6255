#!/bin/sh
# The entry point of the Apache httpd image: serves /usr/local/apache2/htdocs on port 80.
set -eu
mkdir -p /run/apache2
exec apache2 -f /etc/apache2/seatrial.conf -D FOREGROUND "$@"
