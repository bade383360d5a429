#!/usr/bin/env python3
"""Records e-mails and what Python's email package reads in them (`make vectors`).

    mail_messages.json    per case the e-mail in base64, and its subject, sender, text, files, names and reported statuses
    mail_outgoing.json    what stands in smtp.eml, the mail that we hand over
"""
import base64
import email
import email.policy
import hashlib
import json
import pathlib
import sys
from email.message import EmailMessage

FOLDER = pathlib.Path(__file__).parent / "Golden" / "providers"
FILE = FOLDER / "mail_messages.json"
OURS = FOLDER / "smtp.eml"
OUTGOING = FOLDER / "mail_outgoing.json"


def plain():
    message = EmailMessage()
    message["From"] = '"Rao, Asha" <asha@example.com>'
    message["To"] = "clinic@example.com"
    message["Subject"] = "Can I come at ten?"
    message["Message-ID"] = "<a-1@example.com>"
    message["In-Reply-To"] = "<0190-1@clinic.example>"
    message["References"] = "<0190-0@clinic.example> <0190-1@clinic.example>"
    message.set_content("Or at eleven?\n\n> Your visit is tomorrow.\n")
    return message


def composed():
    yield "plain", plain().as_bytes(policy=email.policy.SMTP)
    yield "with bare line feeds", plain().as_bytes()

    message = EmailMessage()
    message["From"] = "Zoë Ångström <zoe@example.com>"
    message["Subject"] = "Überweisung für नमस्ते 😀 " + "sehr lange Zeile " * 8
    message.set_content("Grüße,\nZoë = 100 %\n" + "x" * 200 + "\n", cte="quoted-printable")
    yield "quoted-printable in UTF-8", message.as_bytes(policy=email.policy.SMTP)

    message = EmailMessage()
    message["From"] = "a@example.com"
    message["Subject"] = "Both"
    message.set_content("नमस्ते\n", cte="base64")
    message.add_alternative("<p>नमस्ते</p>", subtype="html")
    message.add_attachment(b"\x89PNG" + bytes(300), maintype="image", subtype="png", filename="बिल 1.png")
    message.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename='quo"ted;.csv')
    yield "alternatives and files", message.as_bytes(policy=email.policy.SMTP)

    for charset in ["iso-8859-1", "iso-8859-15", "windows-1252", "us-ascii", "utf-8"]:
        message = EmailMessage()
        message["From"] = "a@example.com"
        message["Subject"] = charset
        text = {"us-ascii": "plain", "iso-8859-15": "10 € für Žižek", "windows-1252": "“10 €” – ok"}.get(charset, "déjà vu")
        message.set_content(text + "\n", charset=charset)
        yield f"in {charset}", message.as_bytes(policy=email.policy.SMTP)

    inner = plain()
    message = EmailMessage()
    message["From"] = "b@example.com"
    message["Subject"] = "Fwd"
    message.set_content("See below.\n")
    message.add_attachment(inner)
    yield "with another inside", message.as_bytes(policy=email.policy.SMTP)


def written():
    def lines(*text):
        return "\r\n".join(text).encode("utf-8", "surrogateescape")

    yield "encoded words beside each other", lines(
        "From: =?utf-8?q?Zo=C3=AB_Rao?= <z@example.com>",
        "Subject: =?iso-8859-1?Q?caf=E9?= au =?UTF-8?B?bGFp?= =?utf-8?q?t?=", "", "x")
    yield "no encoded word", lines("From: a@example.com", "Subject: 1 =? 2 ?= 3 =?x?y", "", "x")
    yield "folded", lines("From: a@example.com", "Subject: one", " two", "\tthree", "", "x")
    yield "names in any case", lines("FROM: a@example.com", "sUBJECT: Case", "CONTENT-TYPE: TEXT/PLAIN; CHARSET=UTF-8", "", "é")
    yield "parameters in quotes with comments of blanks", lines(
        "From: a@example.com", "Subject: q",
        'Content-Type: multipart/mixed ; boundary = "a b"', "", "preamble", "--a b", "", "one", "--a b--", "epilogue")
    yield "a boundary that begins like another", lines(
        "From: a@example.com", "Subject: nested", "Content-Type: multipart/mixed; boundary=x", "",
        "--x", "Content-Type: multipart/alternative; boundary=xy", "", "--xy", "", "inner", "--xy--", "--x",
        "Content-Disposition: attachment; filename=a.txt", "", "file", "--x--")
    yield "without an end", lines(
        "From: a@example.com", "Subject: cut", "Content-Type: multipart/mixed; boundary=x", "", "--x", "", "only this")
    yield "a type that is none", lines("From: a@example.com", "Subject: t", "Content-Type: nonsense", "", "text")
    yield "damaged base64", lines(
        "From: a@example.com", "Subject: b", "Content-Transfer-Encoding: base64", "", "aGVs bG8=", "")
    yield "no text", lines("From: a@example.com", "Subject: nothing", "", "")
    yield "bytes that are no UTF-8", b"From: a@example.com\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xff\xc3\x28 ok\r\n"
    yield "a long name in pieces", lines(
        "From: a@example.com", "Subject: pieces", "Content-Type: application/pdf;", " name*0*=utf-8''b%C3%AD;", " name*1=ll.pdf",
        "Content-Disposition: attachment; filename*0*=utf-8''b%C3%AD; filename*1=ll.pdf", "", "%PDF")


def reports():
    def report(final, action, status, returned, original=None, kind="text/rfc822-headers"):
        recipient = [f"Original-Recipient: rfc822;{original}"] if original else []
        return "\r\n".join([
            "From: MAILER-DAEMON@mx.example.com", "To: clinic@example.com", "Subject: Undelivered Mail Returned to Sender",
            "Auto-Submitted: auto-replied",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="r"', "",
            "--r", "Content-Type: text/plain", "", "I'm sorry.", "",
            "--r", "Content-Type: message/delivery-status", "",
            "Reporting-MTA: dns; mx.example.com", "Arrival-Date: Sat, 21 Nov 2026 10:00:00 +0000", "",
            *recipient, f"Final-Recipient: rfc822; {final}", f"Action: {action}", f"Status: {status}",
            "Diagnostic-Code: smtp; 550 no such user", "",
            "--r", f"Content-Type: {kind}", "", *returned, "--r--", ""]).encode()

    header = ["Message-ID: <0190aaaa-0000-7000-8000-000000000001@example.com>", "Subject: Your visit", "To: asha@example.com", ""]
    yield "a bounce", report("asha@example.com", "failed", "5.1.1", header)
    yield "a delay", report("asha@example.com", "delayed", "4.4.1", header)
    yield "a delivery", report("asha@example.com", "delivered", "2.0.0", header)
    yield "a mailbox sent on", report("asha@forward.example", "failed", "5.1.1", header, original="asha@example.com")
    yield "a whole message back", report("asha@example.com", "failed", "5.7.1", header + ["Hello"], kind="message/rfc822")


def read(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    found = {"subject": str(message["subject"] or ""), "texts": [], "files": [], "statuses": []}
    sender = message["from"].addresses[0]
    found["from"] = {"name": sender.display_name, "address": sender.addr_spec}
    found["names"] = {key: str(message[key]).split() for key in ["message-id", "in-reply-to", "references"] if message[key]}

    def walk(part):
        kind = part.get_content_type()
        if part.is_multipart() and kind.startswith("multipart/"):
            for piece in part.get_payload():
                walk(piece)
        elif kind == "message/delivery-status":
            for block in part.get_payload():
                if block["final-recipient"]:
                    found["statuses"].append({
                        key: str(block[key]).split(";")[-1].strip()
                        for key in ["final-recipient", "original-recipient", "action", "status"] if block[key]})
        elif kind == "text/rfc822-headers":
            pass
        elif part.get_filename() or part.get_content_disposition() == "attachment" or kind == "message/rfc822":
            data = part.get_payload(decode=True)
            found["files"].append({"name": part.get_filename(), "type": kind, "size": None if data is None else len(data)})
        elif kind == "text/plain":
            charset = part.get_content_charset() or "utf-8"
            text = (part.get_payload(decode=True) or b"").decode(charset, "replace")
            found["texts"].append(text.replace("\r\n", "\n"))
    walk(message)
    return found


def outgoing(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)

    def mailbox(name):
        one, = message[name].addresses
        return {"name": one.display_name, "address": one.addr_spec}

    def text(kind):
        return message.get_body((kind,)).get_content().replace("\r\n", "\n")

    files = [part for part in message.walk() if part.get_filename()]
    defects = [str(defect) for part in message.walk()
               for defect in [*part.defects, *(d for value in part.values() for d in getattr(value, "defects", []))]]
    return {
        "sha256": hashlib.sha256(raw).hexdigest(), "defects": defects, "subject": str(message["subject"]),
        "from": mailbox("from"), "to": mailbox("to"), "replyTo": mailbox("reply-to"),
        "date": message["date"].datetime.isoformat(), "text": text("plain"), "html": text("html"),
        "headers": {name: str(message[name]) for name in
                    ["Message-ID", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post",
                     "In-Reply-To", "X-Praxis", "X-Entity-Ref-ID"]},
        "files": [{"name": part.get_filename(), "type": part.get_content_type(), "id": part["content-id"],
                   "sha256": hashlib.sha256(part.get_payload(decode=True)).hexdigest()} for part in files],
    }


def main():
    OUTGOING.write_text(json.dumps(outgoing(OURS.read_bytes()), ensure_ascii=False, indent=1) + "\n")
    cases = [{"name": name, "mail": base64.b64encode(raw).decode(), "read": read(raw)}
             for family in [composed, written, reports] for name, raw in family()]
    FILE.write_text(json.dumps({"source": f"Python {sys.version.split()[0]} email", "cases": cases},
                               ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
