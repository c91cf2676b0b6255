#!/bin/sh
# The entry point of the nginx image: serves /usr/share/nginx/html on port 80, logs to the
# container's output. nginx stops at once on SIGTERM and cleanly on SIGQUIT.
set -eu
exec nginx -g 'daemon off;' "$@"
