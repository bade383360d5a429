#!/usr/bin/env python3
"""Compares what was recorded with what is recorded anew (`make vectors-check`), but for what is another each time: keys and
what is signed with them, times, ports, boundaries, and the name of the machine's programs.

Usage: compare_vectors.py RECORDED ANEW    two folders; exits with 1 and names each place that differs
"""
import base64
import json
import pathlib
import re
import sys

# By the member's name: the whole value.
FRESH = {"publicKey", "user-agent", "x-amz-date", "amz-sdk-invocation-id"}
FRESH_WITH_KEY = {"webhook_signatures.json": {"key", "signature"}}


def claims(token):
    """What a signed token says, but for when."""
    text = token.group(1)
    said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return json.dumps({name: value for name, value in said.items() if name not in ("iat", "exp")})


PARTS = [
    (r"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+", claims),
    (r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", "PEM"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"Credential=(\w+)/\d{8}/", r"Credential=\1/DAY/"),
    (r"Signature=[0-9a-f]{64}", "Signature=HEX"),
    (r'"Signature": "[^"]+"', '"Signature": "BASE64"'),
    (r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", "BOUNDARY"),
    (r"={10,}\d+==", "BOUNDARY"),
]


def steady(value, fresh, name=None):
    if isinstance(value, dict):
        return {key: steady(member, fresh, key) for key, member in value.items()}
    if isinstance(value, list):
        return [steady(item, fresh, name) for item in value]
    if not isinstance(value, str):
        return value
    if name in fresh:
        return "FRESH"
    if name == "mail":
        value = base64.b64decode(value).decode("latin-1")
    for pattern, word in PARTS:
        value = re.sub(pattern, word, value, flags=re.DOTALL)
    return value


def differences(old, new, place):
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key in old and key in new:
                yield from differences(old[key], new[key], f"{place}/{key}")
            else:
                yield f"{place}/{key} is {'gone' if key in old else 'new'}"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new)):
            yield from differences(*pair, f"{place}/{index}")
    elif old != new:
        yield f"{place} differs"


def main():
    recorded, anew = (pathlib.Path(folder) for folder in sys.argv[1:3])
    names = sorted({path.name for folder in (recorded, anew) for path in folder.glob("*.json")})
    found = []
    for name in names:
        fresh = FRESH | FRESH_WITH_KEY.get(name, set())
        old, new = (steady(json.loads((folder / name).read_text()), fresh) for folder in (recorded, anew))
        found += differences(old, new, name)
    print("\n".join(found) or f"{len(names)} files say the same")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
