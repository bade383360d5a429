#!/usr/bin/env bash
# Installs the Debian packages that building and running on this machine need; does nothing when they are there.
# A server that this installs is stopped and disabled again: `make run` starts servers of its own.
# With `tests` or `bench`, also what some tests hold us against or the benchmarks load us with; those are left out where that
# cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(libpq-dev libhiredis-dev libssl-dev libcurl4-openssl-dev postgresql redis-server tzdata)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
outsiders=()
case "${1:-}" in
tests)
    [ -x /usr/sbin/dnsmasq ] || outsiders+=(dnsmasq-base)
    [ -x /usr/sbin/exim4 ] || outsiders+=(exim4-daemon-light)
    python3 -c 'import ensurepip, venv' 2>/dev/null || outsiders+=(python3-venv)
    ;;
bench)
    command -v wrk >/dev/null || outsiders+=(wrk)
    [ -x /usr/sbin/nginx ] || outsiders+=(nginx-light)
    ;;
esac

if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
elif [ ${#missing[@]} -gt 0 ]; then
    printf 'Missing packages. Install them, then run this again:\n\n    sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n\n' "${missing[*]}" >&2
    exit 1
elif [ ${#outsiders[@]} -gt 0 ]; then
    echo "Without ${outsiders[*]} what needs them is left out." >&2
    outsiders=()
fi

install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
running() { pgrep -x "$1" >/dev/null; }
stop() {
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now "$1" >/dev/null 2>&1 || true
    else
        "${as_root[@]}" service "$1" stop >/dev/null 2>&1 || true
        "${as_root[@]}" update-rc.d "$1" disable >/dev/null 2>&1 || true
    fi
}

if [ $((${#missing[@]} + ${#outsiders[@]})) -gt 0 ]; then
    # Debian's policy hook keeps packages from starting their services during the installation.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    echo Installing "${missing[@]}" "${outsiders[@]}"
    "${as_root[@]}" apt-get update -qq || [ ${#missing[@]} -eq 0 ]
fi
if [ ${#missing[@]} -gt 0 ]; then
    running postgres && had_postgres=1 || had_postgres=0
    running redis-server && had_redis=1 || had_redis=0
    install "${missing[@]}"
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ $had_postgres -eq 0 ]; then stop postgresql; fi
    if [[ " ${missing[*]} " == *" redis-server "* ]] && [ $had_redis -eq 0 ]; then stop redis-server; fi
fi
for package in "${outsiders[@]}"; do
    # A mail server that is there already is not put aside for another one.
    install --no-remove "$package" || echo "$package could not be installed: what needs it is left out" >&2
    if [ "$package" = exim4-daemon-light ]; then stop exim4; fi
done

[ "${1:-}" = tests ] || exit 0
# Python's packages stand below the build, renewed when the list changes.
environment=.build/outsiders
if ! cmp -s Tests/outsiders.txt "$environment/installed.txt"; then
    rm -rf "$environment"
    if python3 -m venv "$environment" \
        && "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement Tests/outsiders.txt; then
        cp Tests/outsiders.txt "$environment/installed.txt"
    else
        rm -rf "$environment"
        echo "Tests/outsiders.txt could not be installed: the tests that ask moto are skipped" >&2
    fi
fi
