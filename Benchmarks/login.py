"""How long signing in takes, whatever comes of it: the distributions must not tell whether an account is there."""
import json
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

ACCOUNTS = 12
# Fewer wrong tries than make an account wait.
TRIES = 8
TRIES_BEFORE_WAITING = 10
CLIENTS = 8
SECONDS_OF_LOGINS = 5
PASSWORD = "a benchmark's own password"


def login_ours(suite, _):
    """Milliseconds of one try after another, of every kind in turn so that a busy moment meets all of them alike."""
    known, waiting = [account(suite) for _ in range(ACCOUNTS)], account(suite)
    for _ in range(TRIES_BEFORE_WAITING):
        attempt(suite, waiting, "wrong")
    kinds = {"known": [], "unknown": [], "waiting": [], "right": []}
    for _ in range(TRIES):
        for email in known:
            kinds["known"].append(attempt(suite, email, "wrong", 401))
            kinds["unknown"].append(attempt(suite, f"{uuid.uuid4()}@nobody.example", "wrong", 401))
            kinds["waiting"].append(attempt(suite, waiting, PASSWORD, 401))
            kinds["right"].append(attempt(suite, email, PASSWORD, 200))
    figures = {"per second": per_second(suite, known)}
    for kind, times in kinds.items():
        times.sort()
        for percent in (10, 50, 90):
            figures[f"{kind} p{percent} ms"] = times[len(times) * percent // 100]
    figures["known/unknown distance"] = distance(kinds["known"], kinds["unknown"])
    figures["known/waiting distance"] = distance(kinds["known"], kinds["waiting"])
    return figures


def per_second(suite, emails: list[str]) -> float:
    """Right passwords of several clients at once; a hash is meant to cost its time."""
    begin = time.monotonic()
    def client(number: int) -> int:
        done = 0
        while time.monotonic() < begin + SECONDS_OF_LOGINS:
            attempt(suite, emails[number % len(emails)], PASSWORD, 200)
            done += 1
        return done
    with ThreadPoolExecutor(CLIENTS) as clients:
        done = sum(clients.map(client, range(CLIENTS)))
    return done / (time.monotonic() - begin)


def account(suite) -> str:
    email = f"login-{uuid.uuid4()}@clinic.example"
    made = suite.call("POST", f"/clinics/{suite.clinic}/users", {
        "email": email, "name": "Benchmark", "roles": [{"role": "NURSE"}]})
    suite.call("POST", "/auth/invitations/accept", {
        "token": made["invitation"]["token"], "password": PASSWORD}, person=None)
    return email


def attempt(suite, email: str, password: str, expected: int | None = None) -> float:
    request = urllib.request.Request(
        suite.base + "/auth/login", json.dumps({"email": email, "password": password}).encode(),
        {"Content-Type": "application/json"})
    begin = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            status = reply.status
            reply.read()
    except urllib.error.HTTPError as error:
        status = error.code
        error.read()
    took = (time.monotonic() - begin) * 1_000
    if expected and status != expected:
        raise RuntimeError(f"a login answered {status}, not {expected}")
    return took


def distance(one: list[float], other: list[float]) -> float:
    """Kolmogorov and Smirnov's: the widest gap between two distributions, from 0 (the same) to 1 (apart)."""
    def share(times: list[float], limit: float) -> float:
        return sum(time <= limit for time in times) / len(times)
    return max(abs(share(one, limit) - share(other, limit)) for limit in one + other)
