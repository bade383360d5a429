"""Starts the suite in a home of its own and loads it: the load generator is wrk, the requests are the public API's."""
import json
import os
import platform
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "Benchmarks")
# `BUILD=debug` to try a row out; its figures say nothing.
RELEASE = os.path.join(ROOT, ".build", os.environ.get("BUILD", "release"))
START_LIMIT_SECONDS = 180


def machine() -> str:
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    return f"{os.cpu_count()} cores ({model.group(1) if model else platform.machine()}), {platform.platform()}"


def wait_for(path: str, process: subprocess.Popen) -> dict:
    end = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the suite ended with status {process.returncode}; see {os.path.dirname(path)}/logs")
        try:
            with open(path) as file:
                return json.load(file)
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.1)
    raise RuntimeError("the suite was not ready in time")


class Suite:
    """All five services as release builds, with PostgreSQL and Redis beside them."""

    def __init__(self, home: str):
        self.home = home
        self.started = 0.0

    def __enter__(self):
        environment = {**os.environ, "POLYCLINIC_HOME": self.home, "POLYCLINIC_PORT": "0", "POLYCLINIC_RATE_LIMITS": "off"}
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [os.path.join(RELEASE, "polyclinic"), "dev"], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        self.demo = wait_for(os.path.join(self.home, "demo.json"), self.process)
        self.started = time.monotonic() - begin
        self.base = self.demo["baseURL"].rstrip("/") + "/api/v1"
        self.clinic = self.demo["clinicId"]
        self.tokens: dict[str, tuple[str, float]] = {}
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def admin_url(self) -> str:
        """The superuser's address of the suite's own PostgreSQL."""
        with open(os.path.join(self.home, "servers.json")) as file:
            servers = json.load(file)
        return f"postgresql://postgres:{servers['postgresPassword']}@127.0.0.1:{servers['postgresPort']}/postgres"

    def token(self, person: str) -> str:
        token, until = self.tokens.get(person, ("", 0.0))
        if time.monotonic() > until:
            login = self.call("POST", "/auth/login", {k: self.demo[person][k] for k in ("email", "password")}, person=None)
            token = login["accessToken"]
            self.tokens[person] = (token, time.monotonic() + 600)
        return token

    def call(self, verb: str, path: str, body=None, person: str | None = "admin", headers=None):
        request = urllib.request.Request(self.base + path, method=verb)
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        if person:
            request.add_header("Authorization", f"Bearer {self.token(person)}")
            request.add_header("X-Clinic-Id", self.clinic)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{verb} {path}: {error.code} {error.read()[:300]!r}") from error
        return json.loads(text) if text else None


def wrk(url: str, seconds: int, connections: int, headers: dict[str, str], script: str | None = None,
        variables: dict[str, str] | None = None) -> dict:
    """Requests per second and latencies in milliseconds; a reply outside 2xx and 3xx fails the row."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", os.path.join(HERE, "load", script)]
    text = subprocess.run(
        command + [url], env={**os.environ, **(variables or {})}, check=True, capture_output=True, text=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if bad:
        raise RuntimeError(f"{bad.group(1)} replies were refusals")
    return {
        "per second": float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1)),
        "p50 ms": latency(text, "50%"),
        "p99 ms": latency(text, "99%"),
    }


def latency(text: str, percentile: str) -> float:
    number, unit = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def resident_megabytes(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1)) / 1024


def pids(suite: Suite) -> dict[str, int]:
    """The processes of the suite, by name."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                name = os.path.basename(file.read().split(b"\0")[0].decode())
            with open(f"/proc/{entry}/stat") as file:
                session = int(file.read().rsplit(")", 1)[1].split()[3])
        except (OSError, IndexError):
            continue
        if session == suite.process.pid and name in ("gateway", "access", "communication", "appointments", "billing"):
            found[name] = int(entry)
    return found
