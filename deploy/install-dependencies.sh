#!/usr/bin/env bash
# Installs the Debian packages that building and running on this machine need; does nothing when they are there.
# A server that this installs is stopped and disabled again: `make run` starts servers of its own.
# With `tests`, also what some tests hold us against; they are skipped where that cannot be installed.
set -euo pipefail

packages=(libpq-dev libhiredis-dev libssl-dev libcurl4-openssl-dev postgresql redis-server tzdata)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ "${1:-}" = tests ] && ! command -v /usr/sbin/dnsmasq >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dnsmasq-base >/dev/null \
        || echo "dnsmasq-base could not be installed: the tests that ask a name server of others are skipped" >&2
fi
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
else
    printf 'Missing packages. Install them, then run this again:\n\n    sudo apt-get update && sudo %s\n\n' "$install" >&2
    exit 1
fi

running() { pgrep -x "$1" >/dev/null; }
running postgres && had_postgres=1 || had_postgres=0
running redis-server && had_redis=1 || had_redis=0

echo "Installing ${missing[*]}"
# Debian's policy hook keeps packages from starting their services during the installation.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod +x "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -qq
# shellcheck disable=SC2086
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null

stop() {
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now "$1" >/dev/null 2>&1 || true
    else
        "${as_root[@]}" service "$1" stop >/dev/null 2>&1 || true
        "${as_root[@]}" update-rc.d "$1" disable >/dev/null 2>&1 || true
    fi
}
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ $had_postgres -eq 0 ]; then stop postgresql; fi
if [[ " ${missing[*]} " == *" redis-server "* ]] && [ $had_redis -eq 0 ]; then stop redis-server; fi
