"""The rows of the table: what is measured, how ours and the peer's figure come about, and the target."""
import itertools
import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass
from typing import Callable

from freshness import freshness_ours
from harness import RELEASE, pids, resident_megabytes, wrk
from large_mail import large_mail
from login import login_ours
import messages

CONNECTIONS = 64
DOCTORS = 16
JOBS = 50_000
QUARTER = 900
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@dataclass
class Row:
    name: str
    what: str
    target: str
    ours: Callable
    peer: Callable | None = None
    rounds: int | None = None


def headers(suite) -> dict:
    return {"Authorization": f"Bearer {suite.token('receptionist')}", "X-Clinic-Id": suite.clinic,
            "Content-Type": "application/json"}


class Calendar:
    """Doctors that are free at all hours, and the next quarter of an hour that nobody has booked yet."""

    made: dict | None = None
    next_quarter = itertools.count(int(time.time()) // QUARTER + 96 * 30, 96 * 200)

    @classmethod
    def of(cls, suite) -> dict:
        if cls.made is None:
            location = suite.call("GET", f"/clinics/{suite.clinic}/locations")["items"][0]["id"]
            service = suite.call("POST", "/services", {
                "name": "Benchmark visit", "minutes": 15, "price": {"amount": 100, "currency": "INR"}})
            always = [{"weekday": day, "locationId": location, "from": "00:00", "to": "24:00"} for day in WEEKDAYS]
            doctors = []
            for number in range(DOCTORS):
                doctor = suite.call("POST", "/doctors", {"name": f"Benchmark {number}"})
                suite.call("PUT", f"/doctors/{doctor['id']}/availability", {"weekly": always})
                doctors.append(doctor["id"])
            cls.made = {"DOCTORS": ",".join(doctors), "PATIENT": suite.demo["patientId"], "SERVICE": service["id"]}
        return {**cls.made, "FIRST": str(next(cls.next_quarter)), "SHAPE": "suite"}


def read_ours(suite, seconds):
    return wrk(appointment(suite), seconds, CONNECTIONS, headers(suite))


def appointment(suite) -> str:
    if not hasattr(suite, "appointment"):
        calendar = Calendar.of(suite)
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(calendar["FIRST"]) * QUARTER))
        made = suite.call("POST", "/appointments", {
            "doctorId": calendar["DOCTORS"].split(",")[0], "patientId": calendar["PATIENT"],
            "serviceId": calendar["SERVICE"], "start": start, "kind": "in_person"}, person="receptionist")
        suite.appointment = f"{suite.base}/appointments/{made['id']}"
    return suite.appointment


def read_peer(monolith, _, seconds):
    if not monolith.is_there:
        return None
    if not hasattr(monolith, "appointment"):
        import urllib.request
        body = {"patient": str(uuid.uuid4()), "doctor": str(uuid.uuid4()), "start": "2031-01-01T00:00:00Z"}
        request = urllib.request.Request(
            monolith.url + "/appointments", json.dumps(body).encode(),
            {"Authorization": f"Bearer {monolith.token}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            monolith.appointment = f"{monolith.url}/appointments/{json.load(reply)['id']}"
    return wrk(monolith.appointment, seconds, CONNECTIONS, {"Authorization": f"Bearer {monolith.token}"})


def book_ours(suite, seconds):
    return wrk(suite.base + "/appointments", seconds, CONNECTIONS, headers(suite), "book.lua", Calendar.of(suite))


def book_peer(monolith, _, seconds):
    if not monolith.is_there:
        return None
    variables = {"DOCTORS": ",".join(str(uuid.uuid4()) for _ in range(DOCTORS)), "PATIENT": str(uuid.uuid4()),
                 "SERVICE": "", "SHAPE": "monolith", "FIRST": str(int(time.time()) // QUARTER)}
    return wrk(monolith.url + "/appointments", seconds, CONNECTIONS,
               {"Authorization": f"Bearer {monolith.token}", "Content-Type": "application/json"}, "book.lua", variables)


def alone_ours(suite, seconds):
    return wrk(appointment(suite), seconds, 1, headers(suite))


def memory_ours(suite, _):
    return {f"{name} MB": resident_megabytes(pid) for name, pid in sorted(pids(suite).items())}


def micro(name: str, suite) -> dict:
    """Rows that are measured inside one process, by the `micro` benchmark on the suite's servers."""
    addresses = json.dumps({"adminURL": suite.admin_url(), "redisURL": suite.demo["redisURL"]})
    done = subprocess.run(
        [os.path.join(RELEASE, "micro"), name], env={**os.environ, "POLYCLINIC_TEST_SERVERS": addresses},
        check=True, capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)


MILLION = 1_000_000
# A record as the services append it, with a gap where its place in the log goes.
FILLER = """
    insert into access.audit_pending (clinic_id, id, head, tail, at, actor_id, action, resource_type, resource_id, outcome,
        request_id)
    select '{clinic}', e.id, convert_to('{{"action":"bench:fill","actor":{{"id":"bench","roles":[],"type":"system"}},"at":"'
        || to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '","clinicId":"{clinic}","id":"' || e.id
        || '","outcome":"succeeded","requestId":"' || e.id || '","resource":{{"id":"1","type":"bench"}},', 'UTF8'),
        convert_to(',"source":{{"address":"192.0.2.1","userAgent":"bench"}}}}', 'UTF8'), now(), 'bench', 'bench:fill', 'bench',
        '1', 'succeeded', e.id
    from (select gen_random_uuid() as id from generate_series(1, {count})) as e
"""


def export_memory(suite, _):
    """What gateway and access grow by while a million entries are streamed to one client."""
    database = suite.admin_url().rsplit("/", 1)[0] + "/polyclinic"
    run = lambda text: subprocess.run(["psql", database, "-qAtc", text], check=True, capture_output=True, text=True).stdout
    held = lambda: int(run(f"select coalesce(max(size), 0) from access.audit_heads where clinic_id = '{suite.clinic}'"))
    missing = MILLION - held()
    if missing > 0:
        run(FILLER.format(clinic=suite.clinic, count=missing))
        while held() < MILLION:
            time.sleep(1)
    processes = {name: pid for name, pid in pids(suite).items() if name in ("gateway", "access")}
    before = {name: resident_megabytes(pid) for name, pid in processes.items()}
    peak = dict(before)
    command = ["curl", "-sS", "-H", f"Authorization: Bearer {suite.token('auditor')}",
               "-H", f"X-Clinic-Id: {suite.clinic}", "-H", "Accept: application/x-ndjson", suite.base + "/audit/entries"]
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client, subprocess.Popen(
            ["wc", "-l"], stdin=client.stdout, stdout=subprocess.PIPE, text=True) as counter:
        while client.poll() is None:
            for name, pid in processes.items():
                peak[name] = max(peak[name], resident_megabytes(pid))
            time.sleep(0.2)
        client.stdout.close()
        entries = int(counter.communicate()[0])
    took = time.monotonic() - begin
    if client.returncode != 0 or entries < MILLION:
        raise RuntimeError(f"the stream ended after {entries} entries, curl with status {client.returncode}")
    return {"MB more": max(peak[name] - before[name] for name in processes), "gateway MB": peak["gateway"],
            "access MB": peak["access"], "per second": entries / took}


def export_ours(suite, _):
    """The whole trail that the rows before have left, streamed to one client."""
    url = suite.base + "/audit/entries"
    head = ["-H", f"Authorization: Bearer {suite.token('auditor')}", "-H", f"X-Clinic-Id: {suite.clinic}",
            "-H", "Accept: application/x-ndjson"]
    begin = time.monotonic()
    text = subprocess.run(["curl", "-sS", *head, url], check=True, capture_output=True).stdout
    return {"per second": text.count(b"\n") / (time.monotonic() - begin), "entries": float(text.count(b"\n"))}


def sidekiq_jobs(_, sidekiq, __):
    figure = sidekiq.jobs_per_second(JOBS)
    return None if figure is None else {"per second": figure}


ROWS = [
    Row("start", "start: `polyclinic dev` to a seeded demo", "–", lambda suite, _: {"seconds": suite.started}, rounds=1),
    Row("memory-idle", "resident memory, idle", "≤ 40 MB each", memory_ours, rounds=1),
    Row("alone", "one read alone, 1 connection", "p50 ≤ 0.7 ms", alone_ours),
    Row("read", "read an appointment, 64 connections", "≥ 3 × FastAPI's, p99 ≤ half", read_ours, read_peer),
    Row("book", "book an appointment, 64 connections", "≥ 2.2 × FastAPI's, p99 ≤ half", book_ours, book_peer),
    Row("memory-load", "resident memory after load", "≤ 80 MB each", memory_ours, rounds=1),
    Row("login", "signing in: wrong passwords, unknown addresses, accounts that wait, right ones", "alike but for right ones",
        login_ours, rounds=1),
    Row("freshness", "a changed role is decided by: at the gateway it was sent to, at another, at both", "p99 ≤ 2,000 ms",
        freshness_ours, rounds=1),
    Row("messages", "messages accepted → provider's 200", "≥ 2,000/s", messages.throughput),
    Row("campaign", "one-time codes during a campaign of 100,000, accepted → provider called", "p99 ≤ 1 s, memory flat",
        messages.campaign, rounds=1),
    Row("crowd", "messages of 49 clinics (Zipf) while the fiftieth floods", "p99 ≤ 2 × without", messages.crowd, rounds=3),
    Row("large-mail", "e-mails of 30 MiB with files, two at a time: seconds each, resident memory", "no more with their number",
        large_mail, rounds=1),
    Row("audit-memory", "audit: 1,000,000 entries streamed, memory on top", "flat", export_memory, rounds=1),
    Row("audit-export", "audit: export as NDJSON over HTTP", "≥ 100,000/s", export_ours),
    # These take the suite's servers for themselves, passwords of its roles included: nothing of the suite is measured after.
    Row("jobs", "no-op jobs enqueued and done", "≥ 5 × Sidekiq's", lambda suite, _: micro("jobs", suite), sidekiq_jobs),
    Row("events", "outbox → stream → inbox and effect", "≥ 12,000/s", lambda suite, _: micro("events", suite)),
    Row("config", "provider configuration: cached, decrypted", "≤ 1 µs, ≤ 20 µs", lambda suite, _: micro("config", suite)),
    Row("permission", "permission decision", "≤ 100 ns", lambda suite, _: micro("permission", suite)),
    Row("audit-append", "audit: append, sequence and sign", "≥ 20,000/s", lambda suite, _: micro("audit-append", suite)),
    Row("audit-verify", "audit: verify offline", "≥ 500,000/s", lambda suite, _: micro("audit-verify", suite)),
]
