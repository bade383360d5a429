#!/usr/bin/env python3
"""Records questions for TXT records and answers to them as dnslib packs them (`make vectors`).

    dns_messages.json    per case the question in hex, the answer in hex, and the texts in it
"""
import importlib.metadata
import json
import pathlib

from dnslib import CNAME, EDNS0, QTYPE, RCODE, RR, TXT, A, DNSRecord

FILE = pathlib.Path(__file__).parent / "Golden" / "providers" / "dns_messages.json"
ID = 0x1234


def question(name):
    record = DNSRecord.question(name, "TXT")
    record.header.id = ID
    record.add_ar(EDNS0(udp_len=1232))
    return record


def main():
    long = "v=DKIM1; k=rsa; p=" + "A" * 392
    cases = []
    for name, domain, answers, change in [
        ("one text", "clinic.example", [("clinic.example", "v=spf1 include:amazonses.com -all")], {}),
        ("several", "clinic.example", [("clinic.example", "v=spf1 -all"), ("clinic.example", "other=1")], {}),
        ("a text in two strings", "s1._domainkey.clinic.example",
         [("s1._domainkey.clinic.example", [long[:255], long[255:]])], {}),
        ("behind another name", "resend._domainkey.clinic.example", [("keys.example", "v=DKIM1; p=AAAA")], {"alias": True}),
        ("none", "clinic.example", [], {}),
        ("no such name", "nowhere.example", [], {"rcode": RCODE.NXDOMAIN}),
        ("a server's failure", "clinic.example", [], {"rcode": RCODE.SERVFAIL}),
        ("cut off", "clinic.example", [], {"tc": 1}),
        ("bytes that are no text", "clinic.example", [("clinic.example", b"\xff\x00\xe0")], {}),
    ]:
        asked = question(domain)
        reply = asked.reply()
        reply.header.tc = change.get("tc", 0)
        reply.header.rcode = change.get("rcode", 0)
        if change.get("alias"):
            reply.add_answer(RR(domain, QTYPE.CNAME, rdata=CNAME("keys.example"), ttl=60))
        texts = []
        for owner, text in answers:
            reply.add_answer(RR(owner, QTYPE.TXT, rdata=TXT(text), ttl=60))
            parts = text if isinstance(text, list) else [text]
            texts.append(b"".join(part if isinstance(part, bytes) else part.encode() for part in parts).hex())
        reply.add_answer(RR(domain, QTYPE.A, rdata=A("192.0.2.1"), ttl=60))
        cases.append({"name": name, "domain": domain, "question": asked.pack().hex(), "answer": reply.pack().hex(),
                      "texts": texts, "code": reply.header.rcode, "isCut": bool(reply.header.tc)})
    FILE.write_text(json.dumps({"source": f"dnslib {importlib.metadata.version('dnslib')}", "cases": cases}, indent=1)
                    + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
