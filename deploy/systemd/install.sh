#!/bin/sh
# Installs wol-server and api-server as systemd services, or upgrades them in place.
#
#   sudo deploy/systemd/install.sh [FOLDER]
#
# FOLDER holds the two programs; it is bin/ of this checkout, where make build puts
# them. Settings and keys that are there already stay as they are. Nothing is downloaded.
set -eu
umask 022

fail() { echo "install.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "this needs root: sudo $0"
[ -d /run/systemd/system ] || fail "systemd does not run this machine: use containers (docs/deployment.md), or start both programs by hand"

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
from=${1:-$here/../../bin}
programs=/usr/local/bin
units=/etc/systemd/system

for program in wol-server api-server; do
	[ -x "$from/$program" ] || fail "there is no program $from/$program: run make build, or name the folder that has it"
	"$from/$program" version >/dev/null || fail "$from/$program does not run on this machine: build it here, or for its GOOS and GOARCH"
done

# put FILE MODE TARGET replaces TARGET in one step: whoever opens it meanwhile gets the
# old file or the new one, and a program that runs keeps its own.
put() {
	stage "$@"
	mv -f "$3.new" "$3"
}

# stage FILE MODE TARGET lays FILE down whole beside TARGET, or leaves nothing of it.
stage() {
	install -m "$2" "$1" "$3.new" || { rm -f "$3.new"; fail "cannot write $3.new; $3 is as it was"; }
}

# account NAME makes a system user and a group of that name, whichever is not there.
account() {
	getent group "$1" >/dev/null || groupadd --system "$1"
	id -u "$1" >/dev/null 2>&1 ||
		useradd --system --gid "$1" --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}
account wol-server
account api-server

install -d -m 0755 /etc/wolgate /etc/tmpfiles.d "$programs"
install -d -m 0750 -o api-server -g api-server /etc/api-server
# Both lie there before either is replaced: they are of one version also where the disk is full.
trap 'rm -f "$programs/wol-server.new" "$programs/api-server.new"' EXIT
for program in wol-server api-server; do
	stage "$from/$program" 0755 "$programs/$program"
done
for program in wol-server api-server; do
	mv -f "$programs/$program.new" "$programs/$program"
	# A key may stand in the settings: only root reads them, and systemd is root.
	[ -e "/etc/wolgate/$program.env" ] || put "$here/$program.env" 0600 "/etc/wolgate/$program.env"
done

# A socket that has changed takes the daemon along; otherwise it stays and calls wait in it.
if [ -e "$units/wol-server.socket" ] && ! cmp -s "$here/wol-server.socket" "$units/wol-server.socket"; then
	systemctl stop wol-server.service wol-server.socket
fi
for unit in wol-server.socket wol-server.service api-server.service; do
	put "$here/$unit" 0644 "$units/$unit"
done
put "$here/wolgate.tmpfiles.conf" 0644 /etc/tmpfiles.d/wolgate.conf
systemd-tmpfiles --create /etc/tmpfiles.d/wolgate.conf

# The gateway does not start without a key. Whoever has put one elsewhere needs none here.
if [ ! -e /etc/api-server/keys.json ] && ! grep -q '^[[:space:]]*API_KEY' /etc/wolgate/api-server.env; then
	key=$("$programs/api-server" keys add first --scope wake --scope admin --keys /etc/api-server/keys.json)
	echo
	echo "  Your key, shown this once:  $key"
	echo
fi

# start UNIT returns once it says that it is ready (Type=notify).
start() { systemctl restart "$1" || fail "$1 did not start: journalctl -u $1 -n 20 says why"; }

systemctl daemon-reload
systemctl enable --quiet wol-server.socket wol-server.service api-server.service
systemctl start wol-server.socket
start wol-server.service
start api-server.service

echo "wol-server and api-server run."
echo "  Settings:    /etc/wolgate/wol-server.env, /etc/wolgate/api-server.env"
echo "  More keys:   sudo $programs/api-server keys add NAME"
echo "  Log:         journalctl -u wol-server -u api-server"
echo "  Try it:      curl -X POST -H 'Authorization: Bearer YOUR-KEY' http://127.0.0.1:8080/api/v1/wol/aa:bb:cc:dd:ee:ff"
