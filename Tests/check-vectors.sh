#!/usr/bin/env bash
# Records in a copy of the tests what `make vectors` records, and fails where it says anything else than what is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

cp -r Tests "$copy/"
"$copy/Tests/record-vectors.sh"
python3 Tests/compare_vectors.py Tests/Golden/providers "$copy/Tests/Golden/providers"
