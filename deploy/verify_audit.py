"""Checks a clinic's audit log as a stranger would: over HTTP and from an export, with other people's code.

aics-tlog (C2SP notes, checkpoints, cosignatures and tiles, RFC 9162 proofs), pymerkle (RFC 6962 trees) and fhirkit (FHIR
R4) know nothing of this suite.
"""
import base64
import io
import json
import sys
import tarfile
import time
import urllib.error
import urllib.request

import aics_tlog as tlog
import fhirkit
import pymerkle

PATIENCE_SECONDS = 60


class Suite:
    """The running suite's audit operations, as its system auditor."""

    def __init__(self, demo: dict):
        self.base = demo["baseURL"].rstrip("/") + "/api/v1"
        self.sandbox = demo["sandbox"]["url"]
        self.headers = {"X-Clinic-Id": demo["clinicId"]}
        login = {key: demo["auditor"][key] for key in ("email", "password")}
        token = json.loads(self.send("/auth/login", login))["accessToken"]
        self.headers["Authorization"] = f"Bearer {token}"

    def send(self, path: str, body: dict | None = None, accept: str = "*/*") -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": "application/json", "Accept": accept}
        with urllib.request.urlopen(urllib.request.Request(self.base + path, data, headers)) as reply:
            return reply.read()

    def read(self, path: str) -> dict:
        return json.loads(self.send(path))

    def find(self, path: str) -> bytes | None:
        try:
            return self.send(path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    # What aics-tlog asks of a source of tiles.

    def read_tile(self, level: int, index: int, width: int | None) -> bytes | None:
        return self.find("/audit/" + tlog.tiles.tile_path(level, index, width))

    def read_entry_bundle(self, index: int, width: int | None) -> bytes | None:
        return self.find("/audit/" + tlog.tiles.entry_bundle_path(index, width))

    def bundle(self) -> dict[str, bytes]:
        export = json.loads(self.send("/audit/exports", {}))
        path = f"/audit/exports/{export['id']}"
        until = time.monotonic() + PATIENCE_SECONDS
        while (status := self.read(path)["status"]) != "ready":
            expect(status == "pending" and time.monotonic() < until, f"the export is {status}")
            time.sleep(0.5)
        with tarfile.open(fileobj=io.BytesIO(self.send(path + "/content"))) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar}


def expect(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"verify-audit: {what}")


def hashes(proof: dict) -> list[bytes]:
    return [base64.b64decode(text) for text in proof["hashes"]]


def checkpoint(note: bytes | str, key: tlog.VKey) -> tlog.Checkpoint:
    text = note if isinstance(note, str) else note.decode()
    result = tlog.verify_checkpoint(tlog.parse_note(text), key)
    expect(result.ok, f"a checkpoint does not verify: {result.error}")
    return tlog.parse_checkpoint(tlog.parse_note(text).text)


def main(path: str) -> None:
    with open(path) as file:
        suite = Suite(json.load(file))
    key = tlog.parse_vkey(suite.read("/audit/keys")["items"][0]["verifierKey"])
    newest = checkpoint(suite.send("/audit/checkpoint"), key)
    tiles = tlog.audit_tiles(suite, newest.size, newest.root)
    print(f"tiles: {tiles.tiles} of hashes and {tiles.bundles} of entries make up {newest.size} entries' root")

    source = tlog.VerifiedTileReader(suite, newest.size, newest.root)
    sample = sorted({0, newest.size // 2, newest.size - 1})
    for seq in sample:
        proof = hashes(suite.read(f"/audit/proofs/inclusion?seq={seq}&size={newest.size}"))
        expect(proof == tlog.inclusion_proof_from_tiles(source, seq, newest.size), f"proof of {seq} is not the tiles'")
        holds = tlog.verify_leaf_inclusion(source.entry(seq), seq, newest.size, proof, newest.root)
        expect(holds, f"entry {seq} is not proven")
    print(f"inclusion: entries {', '.join(map(str, sample))}")

    checked = 0
    for item in suite.read("/audit/checkpoints?limit=200")["items"]:
        old = checkpoint(item["note"], key)
        if old.size > newest.size:
            continue
        proof = hashes(suite.read(f"/audit/proofs/consistency?from={old.size}&to={newest.size}"))
        holds = tlog.verify_consistency(old.size, newest.size, old.root, newest.root, proof)
        expect(holds, f"the log of {old.size} entries does not lead to that of {newest.size}")
        checked += 1
    print(f"consistency: {checked} checkpoints lead to the newest")

    witness = f"{suite.sandbox}/witness"
    with urllib.request.urlopen(witness + "/key") as reply:
        cosigner = tlog.parse_vkey(reply.read().decode().strip())
    until = time.monotonic() + PATIENCE_SECONDS
    while not (result := tlog.verify_checkpoint(tlog.parse_note(suite.send("/audit/checkpoint").decode()), key,
                                                [cosigner], quorum=1)).ok:
        expect(time.monotonic() < until, f"nobody has cosigned the newest checkpoint: {result.error}")
        time.sleep(1)
    print(f"cosignature: {cosigner.name} vouches for the newest checkpoint")

    lines = suite.send("/audit/entries", accept="application/fhir+ndjson").splitlines()
    for line in lines:
        issues = fhirkit.validate(json.loads(line))
        expect(not issues, f"an AuditEvent is not valid: {'; '.join(map(str, issues))}")
    page = json.loads(suite.send("/audit/entries?limit=20", accept="application/fhir+json"))
    expect(not fhirkit.validate(page), "the Bundle of AuditEvents is not valid")
    print(f"FHIR R4: {len(lines)} AuditEvents and a Bundle of them are valid")

    files = suite.bundle()
    covered = checkpoint(files["checkpoint"], key)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for line in files["entries.ndjson"].splitlines():
        tree.append_entry(line)
    expect(tree.get_size() == covered.size, f"the export has {tree.get_size()} entries of {covered.size}")
    expect(tree.get_root() == covered.root, "the export's entries do not make up its checkpoint's root")
    print(f"export: {covered.size} entries make up the signed root")


main(sys.argv[1])
