#!/bin/sh
# Takes away what install.sh has installed.
#
#   sudo deploy/systemd/uninstall.sh [--purge]
#
# Keys, settings, drop-ins and the two users stay, for the next installation. --purge
# takes them as well.
set -eu

fail() { echo "uninstall.sh: $*" >&2; exit 1; }

purge=false
case "${1:-}" in
'') ;;
--purge) purge=true ;;
*) fail "$1 is no option: there is only --purge" ;;
esac
[ "$(id -u)" = 0 ] || fail "this needs root: sudo $0 $*"

units=/etc/systemd/system

for unit in api-server.service wol-server.service wol-server.socket; do
	[ -e "$units/$unit" ] || continue
	systemctl disable --quiet --now "$unit"
	rm -f "$units/$unit"
done
systemctl daemon-reload
systemctl reset-failed api-server.service wol-server.service wol-server.socket 2>/dev/null || true # of which systemd may know nothing
rm -f /usr/local/bin/api-server /usr/local/bin/wol-server /etc/tmpfiles.d/wolgate.conf
# What an installation that was killed was about to put in place.
rm -f /usr/local/bin/wol-server.new /usr/local/bin/api-server.new /etc/wolgate/wol-server.env.new /etc/wolgate/api-server.env.new "$units/wol-server.service.new" "$units/api-server.service.new" "$units/wol-server.socket.new" /etc/tmpfiles.d/wolgate.conf.new
rm -rf /run/wol-server

if [ "$purge" = false ]; then
	echo "wol-server and api-server are gone. Kept: /etc/api-server (keys), /etc/wolgate (settings); --purge takes these too."
	exit 0
fi
rm -rf /etc/api-server /etc/wolgate "$units/wol-server.service.d" "$units/wol-server.socket.d" "$units/api-server.service.d"
for account in api-server wol-server; do
	if id -u "$account" >/dev/null 2>&1; then userdel "$account"; fi
	if getent group "$account" >/dev/null; then groupdel "$account"; fi
done
systemctl daemon-reload
echo "wol-server and api-server are gone, with keys, settings and users."
