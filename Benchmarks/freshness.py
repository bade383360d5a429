"""How long until both of two gateways decide by a changed role: from the change's sending to the first request decided anew."""
import contextlib
import http.client
import os
import random
import socket
import subprocess
import threading
import time
import urllib.parse
import uuid

from harness import RELEASE, pids

CHANGES = 100
LOOKS_SECONDS = 0.004
PATIENCE_SECONDS = 10


def freshness_ours(suite, _):
    """Milliseconds of each change at the gateway that it was sent to, at the other one, and at the later of the two."""
    clinic = f"/clinics/{suite.clinic}"
    role = suite.call("POST", clinic + "/roles", {"name": f"Fresh {uuid.uuid4()}", "permissions": reads("users:read")})
    key = suite.call("POST", clinic + "/api-keys", {"name": "Freshness", "role": role["id"]})["key"]
    with another_gateway(suite) as other:
        first = urllib.parse.urlsplit(suite.base).netloc
        for gateway in (first, other):
            wait(gateway, suite, key, 200)
        times = []
        for number in range(CHANGES):
            # Not in step with the news that gateways wait for.
            time.sleep(random.random())
            takes_away = number % 2 == 0
            times.append(change(suite, (first, other), key, f"{clinic}/roles/{role['id']}", takes_away))
    one, two = ([pair[place] for pair in times] for place in (0, 1))
    return {**figures("own", one), **figures("other", two), **figures("both", [max(pair) for pair in times])}


def reads(permission: str) -> list[dict]:
    return [{"permission": permission, "scope": "clinic"}]


def figures(name: str, times: list[float]) -> dict:
    times = sorted(times)
    return {f"{name} p{percent} ms": times[min(len(times) * percent // 100, len(times) - 1)] for percent in (50, 99)}


def change(suite, gateways, key: str, path: str, takes_away: bool) -> list[float]:
    expected = 403 if takes_away else 200
    seen: list[float] = [0, 0]
    begin = time.monotonic()
    def look(place: int):
        seen[place] = (wait(gateways[place], suite, key, expected) - begin) * 1_000
    watchers = [threading.Thread(target=look, args=(place,)) for place in (0, 1)]
    for watcher in watchers:
        watcher.start()
    suite.call("PATCH", path, {"permissions": reads("locations:read" if takes_away else "users:read")},
               headers={"Content-Type": "application/merge-patch+json"})
    for watcher in watchers:
        watcher.join()
    if 0 in seen:
        raise RuntimeError(f"a gateway did not answer {expected} within {PATIENCE_SECONDS} seconds")
    return seen


def wait(gateway: str, suite, key: str, expected: int) -> float:
    """When the gateway first answers so."""
    end = time.monotonic() + PATIENCE_SECONDS
    head = {"Authorization": f"Bearer {key}", "X-Clinic-Id": suite.clinic}
    with contextlib.closing(http.client.HTTPConnection(gateway, timeout=PATIENCE_SECONDS)) as connection:
        while time.monotonic() < end:
            try:
                connection.request("GET", f"/api/v1/clinics/{suite.clinic}/users?limit=1", headers=head)
                reply = connection.getresponse()
                reply.read()
            except OSError:  # it does not listen yet
                connection.close()
            else:
                if reply.status == expected:
                    return time.monotonic()
            time.sleep(LOOKS_SECONDS)
    raise RuntimeError(f"{gateway} did not answer {expected} within {PATIENCE_SECONDS} seconds")


@contextlib.contextmanager
def another_gateway(suite):
    """A second gateway with the settings of the first, on a port of its own."""
    with open(f"/proc/{pids(suite)['gateway']}/environ", "rb") as file:
        settings = dict(line.split(b"=", 1) for line in file.read().split(b"\0") if b"=" in line)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings |= {b"POLYCLINIC_PORT": str(port).encode(), b"POLYCLINIC_HEALTH_PORT": b"0"}
    process = subprocess.Popen(
        [os.path.join(RELEASE, "gateway")], env=settings, cwd=suite.home, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
