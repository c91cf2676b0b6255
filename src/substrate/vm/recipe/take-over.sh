# Has this engine begin anew on a state disk that another engine left: images stay, what it knew of
# its networks goes. Prints the engine's version, and then every image by name and identity.
set -eu
systemctl stop docker.socket docker.service containerd.service
rm -rf /var/lib/docker/network /var/lib/docker/swarm /var/lib/docker/engine-id
systemctl start docker.service
docker version -f '{{.Server.Version}}'
docker image ls --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}'
