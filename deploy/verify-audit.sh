#!/usr/bin/env bash
# Holds the running suite's audit log against verifiers of others, in a throw-away Python environment.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
# They name a newer Python than they need.
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --ignore-requires-python \
    aics-tlog==0.2.1 pymerkle==7.0.0 fhirkit-rs==0.1.0
"$folder/venv/bin/python" deploy/verify_audit.py "${POLYCLINIC_HOME:-.polyclinic}/demo.json"
