#!/usr/bin/env python3
"""Records webhooks as others sign and judge them, so that the tests need none of it (`make vectors`).

    webhook_signatures.json   svix' signatures; SendGrid's own example and events signed with a fresh key, both judged by
                              sendgrid's verifier; messages of SNS signed with a fresh certificate, judged by aws-sns-verifier
"""
import base64
import datetime
import importlib.metadata
import json
import pathlib

import aws_sns_verifier.validator as sns_verifier
import svix
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from sendgrid.helpers.eventwebhook import EventWebhook

FILE = pathlib.Path(__file__).parent / "Golden" / "providers" / "webhook_signatures.json"
UTC = datetime.timezone.utc


def svix_cases():
    cases = []
    for secret, identifier, timestamp, body in [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'),
        ("whsec_cG9seWNsaW5pYy1yZXNlbmQtc2VjcmV0LTAx", "msg_polyclinic_1", 1767225600,
         '{"type":"email.delivered","data":{"email_id":"e-1"}}'),
        ("whsec_cG9seWNsaW5pYy1yZXNlbmQtc2VjcmV0LTAx", "msg_2", 1792566000,
         '{"type":"email.bounced","data":{"subject":"नमस्ते 😀"}}\n'),
        ("whsec_" + base64.b64encode(bytes(range(24))).decode(), "msg_3", 1792566000, ""),
    ]:
        at = datetime.datetime.fromtimestamp(timestamp, UTC)
        cases.append({"secret": secret, "id": identifier, "timestamp": str(timestamp), "body": body,
                      "signature": svix.Webhook(secret).sign(identifier, at, body)})
    return cases


def sendgrid_cases():
    example = {
        "key": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpigl"
               "SI8eNEc6wEA3F+g==",
        "signature": "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
        "timestamp": "1600112502",
        "body": json.dumps([{
            "email": "hello@world.com", "event": "dropped", "reason": "Bounced Address",
            "sg_event_id": "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
            "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
            "smtp-id": "<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>", "timestamp": 1600112492,
        }], sort_keys=True, separators=(",", ":")) + "\r\n"}
    key = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()
    body = '[{"email":"asha@example.com","event":"delivered","sg_event_id":"e1","reason":"नमस्ते"}]\r\n'
    timestamp = "1792566000"
    own = {"key": public, "timestamp": timestamp, "body": body, "signature": base64.b64encode(
        key.sign((timestamp + body).encode(), ec.ECDSA(hashes.SHA256()))).decode()}
    cases = []
    for case in [example, own]:
        cases.append(case)
        cases.append({**case, "name": "without the line break at its end", "body": case["body"].removesuffix("\r\n")})
        cases.append({**case, "name": "another time", "timestamp": str(int(case["timestamp"]) + 1)})
        cases.append({**case, "name": "another body", "body": case["body"].replace("event", "evens", 1)})
        cases.append({**case, "name": "another key", "key": own["key"] if case is example else example["key"]})
    for case in cases:
        case["isValid"] = EventWebhook(case["key"]).verify_signature(
            case["body"], case["signature"], case["timestamp"])
    return cases


def certificate(key, name, issuer, begin, end):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (x509.CertificateBuilder().subject_name(subject)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, issuer)]))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(begin, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime.datetime(end, 1, 1, tzinfo=UTC))
            .sign(key, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.PEM).decode()


def sns_cases():
    key, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    certificates = {
        "theirs": certificate(key, "sns.amazonaws.com", "Amazon", 2020, 2099),
        "another": certificate(other, "sns.amazonaws.com", "Amazon", 2020, 2099),
        "expired": certificate(key, "sns.amazonaws.com", "Amazon", 2018, 2020),
        "future": certificate(key, "sns.amazonaws.com", "Amazon", 2098, 2099),
        "foreign": certificate(key, "evil.example.com", "Somebody", 2020, 2099),
    }
    base = {"MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:events", "Timestamp": "2026-10-20T07:00:00.123Z",
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"}
    notification = {**base, "Type": "Notification", "Message": '{"eventType":"Delivery","text":"नमस्ते\\n"}',
                    "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe"}
    token = "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92"
    subscription = {**base, "Type": "SubscriptionConfirmation", "Token": token,
                    "Message": "You have chosen to subscribe to the topic.\nTo confirm, visit the SubscribeURL.",
                    "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
                                    f"&TopicArn=arn:aws:sns:eu-west-1:123456789012:events&Token={token}"}
    messages = {
        "a notification": notification,
        "a notification with a subject": {**notification, "Subject": "Amazon SES"},
        "a subscription": subscription,
        "an end of a subscription": {**subscription, "Type": "UnsubscribeConfirmation"},
    }
    cases = []
    for name, message in messages.items():
        for version, digest in [("1", hashes.SHA1()), ("2", hashes.SHA256())]:
            signed = {**message, "SignatureVersion": version}
            text = plain(signed)
            signed["Signature"] = base64.b64encode(key.sign(text, padding.PKCS1v15(), digest)).decode()
            cases.append((f"{name}, version {version}", signed, "theirs"))
            cases.append((f"{name}, version {version}, changed", {**signed, "Message": "changed"}, "theirs"))
    good = cases[2][1]
    cases += [
        ("the other version", {**good, "SignatureVersion": "1"}, "theirs"),
        ("no such version", {**good, "SignatureVersion": "3"}, "theirs"),
        ("another topic", {**good, "TopicArn": "arn:aws:sns:eu-west-1:123456789012:other"}, "theirs"),
        ("another id", {**good, "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325"}, "theirs"),
        ("another time", {**good, "Timestamp": "2026-10-20T07:00:01.123Z"}, "theirs"),
        ("a subject added", {**good, "Subject": "Hello"}, "theirs"),
        ("another key", good, "another"),
        ("an expired certificate", good, "expired"),
        ("a certificate of the future", good, "future"),
        ("somebody else's certificate", good, "foreign"),
        ("no signature", {**good, "Signature": ""}, "theirs"),
    ]
    out = []
    for name, message, which in cases:
        out.append({"name": name, "body": json.dumps(message), "certificate": which,
                    "isValid": judged(message, certificates[which])})
    return {"certificates": certificates, "cases": out}


def plain(message):
    """Lines of names and values, as the documentation has them."""
    if message["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    return "".join(f"{name}\n{message[name]}\n" for name in names if name in message).encode()


def judged(message, pem):
    sns_verifier._get_certificate = lambda url: x509.load_pem_x509_certificate(pem.encode())
    try:
        # Their model asks for a subject; without one it is left out of what is signed.
        sns_verifier.validate_sns_signature({"Subject": "", **message}, auto_confirm_subscription=False)
        return True
    except Exception:
        return False


if __name__ == "__main__":
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ["svix", "sendgrid", "aws-sns-verifier"])
    value = {"source": versions, "svix": svix_cases(), "sendgrid": sendgrid_cases(), "sns": sns_cases()}
    FILE.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
