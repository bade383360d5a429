#!/usr/bin/env bash
# Makes ./secrets for compose.yaml: random passwords, URLs that hold them, and the key files. Needs `polyclinic` in PATH
# or in .build/release. The folder is for its owner alone; the files in it are read by the containers' own users.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -e secrets ]; then
    echo "secrets/ is there already" >&2
    exit 1
fi
polyclinic=$(command -v polyclinic || echo .build/release/polyclinic)
umask 077
mkdir secrets
password() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

password >secrets/postgres_password
for role in owner access communication appointments billing; do
    printf 'postgresql://polyclinic_%s:%s@postgres:5432/polyclinic' "$role" "$(password)" >"secrets/${role}_database_url"
done
redis=$(password)
printf 'redis://:%s@redis:6379/0' "$redis" >secrets/redis_url
printf 'requirepass %s\ndir /data\nappendonly yes\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n' \
    "$redis" >secrets/redis.conf
POLYCLINIC_KEYS_FILE=$PWD/secrets/keys.json "$polyclinic" keys init
chmod 444 secrets/*
chmod 400 secrets/keys.json
