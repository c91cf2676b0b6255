#!/bin/sh
# Finishes a service's root file system ($1): what every image of a service shares.
set -eu
root=$1

# An image is taken in and started by emulated processors: what no service runs is left out.
# dpkg's status stays, so that an image says what it holds.
cd "$root"
rm -rf var/lib/apt var/cache/apt var/cache/debconf var/lib/dpkg/info var/log boot \
  usr/share/bash-completion usr/share/perl usr/share/perl5 usr/share/zoneinfo usr/share/debconf \
  usr/lib/apt usr/lib/systemd usr/lib/*-linux-gnu/perl usr/lib/*-linux-gnu/perl5 \
  usr/lib/*-linux-gnu/perl-base usr/lib/*-linux-gnu/gconv usr/bin/perl* usr/bin/apt* \
  usr/lib/*-linux-gnu/libperl* usr/lib/*-linux-gnu/libapt* usr/bin/mariadb-upgrade \
  usr/bin/mariadb-check usr/bin/innochecksum usr/bin/mariadb-dump* usr/bin/mariadb-import* \
  usr/lib/*-linux-gnu/libicu* usr/bin/resolveip
mkdir -p var/log
if [ -d "$root/etc/mysql" ]; then
  rm -rf "$root/etc/mysql" "$root/var/lib/mysql"
  mkdir -p "$root/etc/mysql/conf.d" "$root/var/lib/mysql"
  # Debian's 96 MB of redo log would be written through the share at the first start.
  printf '[mysqld]\ninnodb_log_file_size=16M\n!includedir /etc/mysql/conf.d/\n' \
    > "$root/etc/mysql/my.cnf"
  ln -s mysql/my.cnf "$root/etc/my.cnf"
  chroot "$root" id mysql > /dev/null 2>&1 || chroot "$root" useradd -r -s /usr/sbin/nologin mysql
  chroot "$root" mariadb-install-db --user=mysql --datadir=/var/lib/mysql --skip-test-db \
    --skip-name-resolve --auth-root-authentication-method=normal --rpm > /dev/null
  chown -R --reference="$root/var/lib/mysql/ibdata1" "$root/var/lib/mysql"
  tar -C "$root/var/lib/mysql" -czf "$root/usr/share/mysql/fresh.tar.gz" .
  rm -rf "$root/var/lib/mysql"
  mkdir "$root/var/lib/mysql"
fi
if [ -d "$root/etc/nginx" ]; then
  mkdir -p "$root/usr/share/nginx/html" "$root/var/log/nginx"
  rm -f "$root"/etc/nginx/sites-enabled/* "$root"/etc/nginx/modules-enabled/*
  printf 'server {\n  listen 80 default_server;\n  root /usr/share/nginx/html;\n  access_log off;\n}\n' \
    > "$root/etc/nginx/sites-enabled/default"
  ln -sf /dev/stderr "$root/var/log/nginx/error.log"
fi
if [ -d "$root/etc/apache2" ]; then
  mkdir -p "$root/usr/local/apache2/htdocs"
  echo '<html><body><h1>It works!</h1></body></html>' > "$root/usr/local/apache2/htdocs/index.html"
  cat > "$root/etc/apache2/seatrial.conf" <<'END'
ServerName localhost
ServerRoot /etc/apache2
PidFile /run/apache2/httpd.pid
Listen 80
User www-data
Group www-data
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
TypesConfig /etc/mime.types
ErrorLog /dev/stderr
DocumentRoot /usr/local/apache2/htdocs
DirectoryIndex index.html
<Directory /usr/local/apache2/htdocs>
  Require all granted
</Directory>
END
fi
