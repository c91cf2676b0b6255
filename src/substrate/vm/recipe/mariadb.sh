#!/bin/sh
# The entry point of the MariaDB image. It honours what scenarios use of the official image:
# MYSQL_ROOT_PASSWORD, a data directory at /var/lib/mysql, settings in /etc/mysql/conf.d, and a
# clean shutdown on SIGTERM.
set -eu
data=/var/lib/mysql
run=/run/mysqld
mkdir -p "$run"
chown mysql:mysql "$run"
init=
if [ ! -d "$data/mysql" ]; then
  if [ -z "${MYSQL_ROOT_PASSWORD:-}" ]; then
    echo "error: database is uninitialized and MYSQL_ROOT_PASSWORD is not set" >&2
    exit 1
  fi
  # What mariadb-install-db makes, made when the image was: on an emulated machine and a share it
  # takes a minute. The folder that is asked about above comes last, whole.
  chown mysql:mysql "$data"
  fresh=$data/.fresh
  rm -rf "$fresh" "$data/.mysql"
  mkdir "$fresh"
  tar -C "$fresh" -xzf /usr/share/mysql/fresh.tar.gz
  mv "$fresh/mysql" "$data/.mysql"
  mv "$fresh"/* "$data"
  rmdir "$fresh"
  mv "$data/.mysql" "$data/mysql"
  password=$(printf %s "$MYSQL_ROOT_PASSWORD" | sed "s/[\\\\']/\\\\&/g")
  # The server runs each line of this file as one statement before it accepts anybody.
  init=$run/init.sql
  printf '%s\n' \
    "CREATE USER 'root'@'%' IDENTIFIED BY '$password';" \
    "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;" \
    "ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';" > "$init"
  chown mysql:mysql "$init"
  chmod 600 "$init"
fi
unset MYSQL_ROOT_PASSWORD
exec mariadbd --user=mysql --datadir="$data" --bind-address=0.0.0.0 --skip-name-resolve \
  --socket="$run/mysqld.sock" --pid-file="$run/mysqld.pid" --log-warnings=2 \
  ${init:+--init-file="$init"} "$@"
