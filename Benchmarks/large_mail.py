"""E-mails with large files that come in: how long each takes, and what the gateway and communication hold of them meanwhile."""
import base64
import concurrent.futures
import contextlib
import email.message
import os
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import uuid

from harness import pids, resident_megabytes
from messages import PERSON, make_clinic, patiently

MAILS = int(os.environ.get("MAILS", "10"))
AT_ONCE = 2
FILES = 4
# As they travel the mail has about 30 MiB; its files are kept, for together they have no more than 25.
FILE_BYTES = 5_600_000
TOKEN = "benchmark-mail-token-0001"
LOOKS_SECONDS = 0.05
PATIENCE_SECONDS = 120
# Freed memory goes back to the system a while after the last mail.
REST_SECONDS = 5


def large_mail(suite, _):
    """The same number of mails through each of the two ways that bring them whole: a mail server's, and SendGrid's."""
    with tempfile.TemporaryDirectory(prefix="polyclinic-bench-key-") as place:
        signer = Signer(place)
        clinic, (smtp, sendgrid) = configured(suite, signer)
        figures = {}
        with watched(suite, figures):
            figures["seconds each, smtp"] = bring(lambda: post(suite, smtp, *as_mail()))
            figures["seconds each, sendgrid"] = bring(lambda: post(suite, sendgrid, *as_form(signer)))
    kept = heard(suite, clinic)
    if kept != [FILES] * (2 * MAILS):
        raise RuntimeError(f"of {2 * MAILS} mails with {FILES} files each, files were kept of {kept}")
    return figures


def bring(one) -> float:
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(one) for _ in range(MAILS)]:
            done.result()
    return (time.monotonic() - begin) / MAILS


@contextlib.contextmanager
def watched(suite, figures: dict):
    """Resident memory before, at most and afterwards."""
    processes = {name: pid for name, pid in pids(suite).items() if name in ("gateway", "communication")}
    before = {name: resident_megabytes(pid) for name, pid in processes.items()}
    peak, over = dict(before), threading.Event()

    def look():
        while not over.wait(LOOKS_SECONDS):
            for name, pid in processes.items():
                peak[name] = max(peak[name], resident_megabytes(pid))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield
        finally:
            over.set()
        looking.result()
    time.sleep(REST_SECONDS)
    for name, pid in sorted(processes.items()):
        figures |= {f"{name} MB before": before[name], f"{name} MB at most": peak[name],
                    f"{name} MB after": resident_megabytes(pid)}


class Signer:
    """A key as SendGrid signs with, and its public half as its console shows it."""

    def __init__(self, place: str):
        self.key = os.path.join(place, "key.pem")
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key], check=True)
        public = subprocess.run(["openssl", "ec", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True)
        self.public = base64.b64encode(public.stdout).decode()

    def headers(self, body: bytes) -> dict:
        timestamp = str(int(time.time()))
        made = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key], input=timestamp.encode() + body, check=True, capture_output=True)
        return {"X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
                "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(made.stdout).decode()}


def configured(suite, signer: Signer) -> tuple[str, list[str]]:
    """A clinic of its own that has mails brought both ways, and where to."""
    clinic = make_clinic(suite, 0)
    sender = {"fromEmail": "hello@clinic.example", "fromName": "Clinic"}
    entries = {"primary": {"provider": "smtp", "credentials": {
        **sender, "host": "127.0.0.1", "port": 9, "security": "none", "verifyToken": TOKEN}}, "fallback": [
            {"provider": "sendgrid", "credentials": {
                **sender, "apiKey": "SG.benchmark", "endpoint": suite.demo["sandbox"]["url"] + "/sendgrid",
                "webhookPublicKey": signer.public}}]}
    shown = patiently(lambda: suite.call(
        "PUT", f"/clinics/{clinic}/communication/config", {"email": entries}, person=PERSON,
        headers={"If-None-Match": "*", "X-Clinic-Id": clinic}))
    return clinic, [entry["webhookUrl"] for entry in [shown["email"]["primary"], *shown["email"]["fallback"]]]


def mail() -> bytes:
    made = email.message.EmailMessage()
    made["From"], made["To"], made["Subject"] = "asha@example.com", "hello@clinic.example", "My letters"
    made["Message-ID"] = f"<{uuid.uuid4()}@example.com>"
    made.set_content("See the files.")
    for number in range(FILES):
        made.add_attachment(b"%PDF-1.7\n" + os.urandom(FILE_BYTES), "application", "pdf", filename=f"letter-{number}.pdf")
    return made.as_bytes()


def as_mail() -> tuple[bytes, dict]:
    return mail(), {"Authorization": f"Bearer {TOKEN}", "Content-Type": "message/rfc822"}


def as_form(signer: Signer) -> tuple[bytes, dict]:
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n"
    body = head.encode() + mail() + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}", **signer.headers(body)}


def post(suite, webhook: str, body: bytes, headers: dict) -> None:
    place = urllib.parse.urlsplit(suite.base)._replace(path=urllib.parse.urlsplit(webhook).path).geturl()
    request = urllib.request.Request(place, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
        reply.read()


def heard(suite, clinic: str) -> list[int]:
    """How many files were kept of each mail."""
    call = lambda path: suite.call("GET", path, person=PERSON, headers={"X-Clinic-Id": clinic})
    kept = []
    for talk in call("/communication/conversations")["items"]:
        for message in call(f"/communication/conversations/{talk['id']}/messages?limit=200")["items"]:
            kept.append(sum(file["status"] == "kept" for file in message["files"]))
    return kept
