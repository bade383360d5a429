"""Rows about messages: how many a second, and who waits for whom."""
import concurrent.futures
import datetime
import itertools
import os
import random
import statistics
import threading
import time
import uuid

from harness import pids, resident_megabytes

BATCH = 1_000
MESSAGES = 10_000
CAMPAIGN = int(os.environ.get("CAMPAIGN", "100000"))
CODE_EVERY_SECONDS = 0.25
CLINICS = 50
ZIPF_EXPONENT = 1.1
CROWD_PER_SECOND = 60
CROWD_SECONDS = 15
FLOOD = 20_000
# Who is the admin of all clinics but the demo's.
PERSON = "crowd"
CROWD_PASSWORD = "a benchmark needs no secrets 7"


def throughput(suite, _):
    """From the first batch's POST to the last message sent, as the API tells it."""
    configure(suite, suite.clinic)
    reference = str(uuid.uuid4())
    begin = time.monotonic()
    accept(suite, suite.clinic, reference, MESSAGES, "normal")
    wait_until_sent(suite, suite.clinic, reference)
    return {"per second": MESSAGES / (time.monotonic() - begin)}


def campaign(suite, _):
    """One-time codes of the very clinic that sends the campaign: from accepted to the provider's call."""
    configure(suite, suite.clinic)
    process = pids(suite)["communication"]
    before, peak = resident_megabytes(process), 0.0
    reference, codes = str(uuid.uuid4()), []
    over = threading.Event()

    def send_campaign():
        try:
            accept(suite, suite.clinic, reference, CAMPAIGN, "bulk")
            wait_until_sent(suite, suite.clinic, reference, every=0.5)
        finally:
            over.set()

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_campaign)
        while not over.wait(CODE_EVERY_SECONDS):
            codes.append(send(suite, suite.clinic, "critical"))
            peak = max(peak, resident_megabytes(process))
        sending.result()
    waits = sorted(wait_of(suite, suite.clinic, code) for code in codes)
    return {"codes": float(len(waits)), "p50 ms": percentile(waits, 0.5), "p99 ms": percentile(waits, 0.99),
            "campaign per second": CAMPAIGN / (time.monotonic() - begin), "MB before": before, "MB at most": peak}


def crowd(suite, _):
    """Messages of 49 of 50 clinics, whose load is Zipf's, with and without a flood of the fiftieth."""
    clinics = make_clinics(suite)
    calm = crowd_waits(suite, clinics[1:])
    reference = str(uuid.uuid4())
    accept(suite, clinics[0], reference, FLOOD, "bulk")
    flooded = crowd_waits(suite, clinics[1:])
    left = call(suite, clinics[0], "GET", f"/communication/messages?reference={reference}&status=queued&limit=1")["items"]
    wait_until_sent(suite, clinics[0], reference, every=0.5)
    if not left:
        raise RuntimeError("the flood was over before the crowd was")
    return {"calm p50 ms": percentile(calm, 0.5), "calm p99 ms": percentile(calm, 0.99),
            "flooded p50 ms": percentile(flooded, 0.5), "flooded p99 ms": percentile(flooded, 0.99),
            "p99 ratio": percentile(flooded, 0.99) / percentile(calm, 0.99)}


def crowd_waits(suite, clinics: list[str]) -> list[float]:
    weights = [1 / rank ** ZIPF_EXPONENT for rank in range(1, len(clinics) + 1)]
    turns = random.Random(7).choices(clinics, weights, k=CROWD_PER_SECOND * CROWD_SECONDS)
    sent, begin = [], time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number, clinic in enumerate(turns):
            time.sleep(max(0.0, begin + number / CROWD_PER_SECOND - time.monotonic()))
            sent.append((clinic, pool.submit(send, suite, clinic, "normal")))
    ids = [(clinic, future.result()) for clinic, future in sent]
    return sorted(wait_of(suite, clinic, message) for clinic, message in ids)


def make_clinics(suite) -> list[str]:
    if not hasattr(suite, "crowd"):
        clinics = [make_clinic(suite, number) for number in range(CLINICS)]
        for clinic in clinics:
            patiently(lambda: configure(suite, clinic, person=PERSON))
        suite.crowd = clinics
    return suite.crowd


def make_clinic(suite, number: int) -> str:
    """A further clinic; one person is the admin of all of them."""
    if PERSON not in suite.demo:
        suite.demo[PERSON] = {"email": f"crowd-{uuid.uuid4().hex[:8]}@clinic.example", "password": CROWD_PASSWORD}
    made = patiently(lambda: suite.call("POST", "/clinics", {
        "name": f"Crowd {number}", "slug": f"crowd-{uuid.uuid4().hex[:12]}", "timeZone": "Asia/Kolkata", "currency": "INR",
        "country": "IN", "locale": "en-IN"}, person="superAdmin", headers={"X-Clinic-Id": "installation"}))
    invited = patiently(lambda: suite.call(
        "POST", f"/clinics/{made['id']}/users",
        {"email": suite.demo[PERSON]["email"], "name": "Crowd", "roles": [{"role": "CLINIC_ADMIN"}]},
        person="superAdmin", headers={"X-Clinic-Id": made["id"]}))
    suite.call("POST", "/auth/invitations/accept",
               {"token": invited["invitation"]["token"], "password": CROWD_PASSWORD}, person=None)
    return made["id"]


def patiently(work):
    """What was made a moment ago is known everywhere within two seconds."""
    for attempt in itertools.count():
        try:
            return work()
        except RuntimeError:
            if attempt == 50:
                raise
            time.sleep(0.1)


def person_of(suite, clinic: str) -> str:
    return "admin" if clinic == suite.clinic else PERSON


def call(suite, clinic: str, verb: str, path: str, body=None):
    return suite.call(verb, path, body, person=person_of(suite, clinic), headers={"X-Clinic-Id": clinic})


def configure(suite, clinic: str, person: str = "admin") -> None:
    configured = suite.__dict__.setdefault("configured", set())
    if clinic in configured:
        return
    suite.call("PUT", f"/clinics/{clinic}/communication/config", {"email": {"primary": {
        "provider": "zeptomail", "credentials": {
            "sendMailToken": "benchmark-send-mail-token", "fromEmail": "hello@clinic.example", "fromName": "Clinic",
            "endpoint": suite.provider.url + "/zeptomail"}}}}, person=person,
        headers={"If-None-Match": "*", "X-Clinic-Id": clinic})
    configured.add(clinic)


def message(number, reference: str | None, priority: str) -> dict:
    draft = {"to": {"email": f"bench{number}@example.org"}, "channels": ["email"], "priority": priority,
             "content": {"subject": "Benchmark", "text": "One message of many."}}
    return {**draft, "reference": reference} if reference else draft


def accept(suite, clinic: str, reference: str, count: int, priority: str) -> None:
    for first in range(0, count, BATCH):
        batch = [message(number, reference, priority) for number in range(first, min(first + BATCH, count))]
        reply = call(suite, clinic, "POST", "/communication/messages/batch", {"messages": batch})
        refused = [item for item in reply["items"] if "id" not in item]
        if refused:
            raise RuntimeError(f"{len(refused)} messages were refused: {refused[0]}")


def wait_until_sent(suite, clinic: str, reference: str, every: float = 0.1) -> None:
    path = f"/communication/messages?reference={reference}&limit=1&status="
    while any(call(suite, clinic, "GET", path + status)["items"] for status in ("queued", "sending")):
        time.sleep(every)
    if not call(suite, clinic, "GET", path + "sent")["items"]:
        raise RuntimeError("no message was sent")


def send(suite, clinic: str, priority: str) -> str:
    return call(suite, clinic, "POST", "/communication/messages", message(uuid.uuid4().hex[:8], None, priority))["id"]


def wait_of(suite, clinic: str, message_id: str) -> float:
    """Milliseconds from a message's acceptance to its provider's call."""
    for _ in range(600):
        found = call(suite, clinic, "GET", f"/communication/messages/{message_id}")
        if found["attempts"]:
            accepted, called = (datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
                                for moment in (found["createdAt"], found["attempts"][0]["at"]))
            return (called - accepted).total_seconds() * 1_000
        time.sleep(0.1)
    raise RuntimeError(f"message {message_id} was never handed to its provider")


def percentile(values: list[float], part: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]
