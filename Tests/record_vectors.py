#!/usr/bin/env python3
"""Records what others' code says of our providers' requests, so that the tests need none of it (`make vectors`).

    sigv4_suite.json     AWS's published test suite of Signature Version 4, as botocore's source archive carries it
                         (tests/unit/auth/aws4_testsuite; (c) Amazon.com, Apache License 2.0)
    sigv4_botocore.json  botocore's signatures of requests like ours, and of the very ones in aws_ses.txt and aws_sns.txt
    sdk_requests.json    what boto3, sendgrid, resend, twilio, pywa and firebase-admin put on the wire, to be played to
                         the sandbox
    twilio_signatures.json  what twilio's RequestValidator says of signed callbacks

Usage: record_vectors.py BOTOCORE_SOURCE_FOLDER
"""
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import urllib.parse
import uuid

import boto3
import botocore
import firebase_admin
import firebase_admin.messaging
import google.auth
import pywa
import pywa.types
import resend
import sendgrid
import twilio
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sendgrid.helpers.mail import Content, CustomArg, From, Mail, ReplyTo, To
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

FOLDER = pathlib.Path(__file__).parent / "Golden" / "providers"
# The pair of AWS's documentation, which opens nothing.
ACCESS_KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ACCOUNT = "AC" + "a" * 32


def write(name, value):
    text = json.dumps(value, indent=1, ensure_ascii=True) + "\n"
    (FOLDER / name).write_text(text, encoding="utf-8")


def suite(source):
    cases = []
    root = pathlib.Path(source) / "tests/unit/auth/aws4_testsuite"
    for request in sorted(root.rglob("*.req")):
        def read(kind):
            return request.with_suffix(kind).read_bytes().decode("utf-8").replace("\r\n", "\n")
        cases.append({"name": request.stem, "request": read(".sreq"), "canonical": read(".creq"),
                      "toSign": read(".sts"), "authorization": read(".authz")})
    write("sigv4_suite.json", {"source": f"botocore {botocore.__version__}, tests/unit/auth/aws4_testsuite",
                               "license": "Copyright 2019 Amazon.com, Inc. or its affiliates, Apache License 2.0",
                               "cases": cases})


def signed(stamp, region, service, method, url, headers, body):
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET), service, region)
    request = AWSRequest(method=method, url=url, headers=headers, data=body.encode())
    request.context["timestamp"] = stamp
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signer._inject_signature_to_request(
        request, signer.signature(signer.string_to_sign(request, canonical), request))
    return {"at": stamp, "region": region, "service": service, "method": method, "url": url,
            "headers": headers, "body": body, "authorization": request.headers["Authorization"]}


def signatures():
    json_type = {"Content-Type": "application/json"}
    mail = "/v2/email/outbound-emails"
    cases = [
        signed("20260101T000000Z", "eu-west-1", "ses", "GET", "https://email.eu-west-1.amazonaws.com/v2/email/account",
               {}, ""),
        signed("20260228T235959Z", "ap-south-1", "ses", "POST", f"https://email.ap-south-1.amazonaws.com{mail}",
               json_type, '{"Content":{"Simple":{"Subject":{"Data":"नमस्ते 😀"}}}}'),
        signed("20241231T120000Z", "cn-north-1", "ses", "POST", f"https://email.cn-north-1.amazonaws.com.cn{mail}",
               json_type, "{}"),
        signed("20260630T010203Z", "us-east-1", "ses", "POST", f"http://127.0.0.1:8090/aws_ses{mail}", json_type, "{}"),
        signed("20260630T010203Z", "us-east-1", "ses", "PUT", "https://proxy.example:8443/a%20b/é/~x/suppression",
               json_type, "{}"),
        signed("20260630T010203Z", "us-east-1", "sns", "POST", "https://sns.us-east-1.amazonaws.com/",
               {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "Action=Publish&Message=a%20b"),
        signed("20260630T010203Z", "us-east-1", "ses", "GET",
               "https://email.us-east-1.amazonaws.com/v2/email/identities?PageSize=10&NextToken=a%2Fb%3D", {}, ""),
    ]
    for service in ["ses", "sns"]:
        cases += ours(service)
    write("sigv4_botocore.json", {"source": f"botocore {botocore.__version__}", "accessKeyId": ACCESS_KEY,
                                  "secretAccessKey": SECRET, "cases": cases})


def ours(service):
    """botocore's signatures of our own requests, which have to be ours."""
    cases = []
    file = FOLDER / f"aws_{service}.txt"
    for block in file.read_text(encoding="utf-8").split("\n\n\n") if file.exists() else []:
        head, _, body = block.rstrip("\n").partition("\n\n")
        first, *lines = head.split("\n")
        method, url = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        case = signed(headers["X-Amz-Date"], "eu-west-1", service, method, url,
                      {name: value for name, value in headers.items() if name == "Content-Type"}, body)
        if case["authorization"] != headers["Authorization"]:
            sys.exit(f"botocore signs {first} otherwise:\n{case['authorization']}\n{headers['Authorization']}")
        cases.append(case)
    return cases


class Recorder(http.server.BaseHTTPRequestHandler):
    calls = []

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.calls.append({"method": self.command, "target": self.path, "body": body,
                           "headers": {name.lower(): value for name, value in self.headers.items()}})
        reply, kind = (b'{"MessageId":"m","id":"m","scopes":[],"data":[],"name":"projects/p/messages/1",'
                       b'"access_token":"recorded","expires_in":3600,"token_type":"Bearer",'
                       b'"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],'
                       b'"messages":[{"id":"wamid.1"}]}'), "application/json"
        if self.path.endswith("/media"):
            reply = b'{"id":"4711"}'
        if self.path.startswith("/aws_sns"):
            action = dict(urllib.parse.parse_qsl(body))["Action"]
            reply, kind = (f"<{action}Response><{action}Result><MessageId>m</MessageId><EndpointArn>arn</EndpointArn>"
                           f"</{action}Result></{action}Response>").encode(), "text/xml"
        self.send_response(202 if "/sendgrid/v3/mail" in self.path else 201 if "Messages.json" in self.path else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def sdks():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"

    ses = boto3.client("sesv2", endpoint_url=f"{base}/aws_ses", region_name="eu-west-1",
                       aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET)
    ses.send_email(
        FromEmailAddress="Clinic <hello@clinic.example>", Destination={"ToAddresses": ["patient@example.org"]},
        Content={"Simple": {"Subject": {"Data": "Your visit – नमस्ते", "Charset": "UTF-8"},
                            "Body": {"Text": {"Data": "See you soon."}, "Html": {"Data": "<p>See you soon.</p>"}}}},
        EmailTags=[{"Name": "message_id", "Value": "m-1"}], ReplyToAddresses=["desk@clinic.example"])
    ses.send_email(
        FromEmailAddress="hello@clinic.example", Destination={"ToAddresses": ["patient@example.org"]},
        Content={"Raw": {"Data": b"From: hello@clinic.example\r\nTo: patient@example.org\r\nSubject: Your visit\r\n"
                                 b"Content-Type: text/plain; charset=utf-8\r\n\r\nSee you soon.\r\n"}})
    ses.get_account()

    client = sendgrid.SendGridAPIClient("SG.recorded.key", host=f"{base}/sendgrid")
    message = Mail(from_email=From("hello@clinic.example", "Clinic"), to_emails=To("patient@example.org"),
                   subject="Your visit – नमस्ते",
                   plain_text_content=Content("text/plain", "See you soon."),
                   html_content=Content("text/html", "<p>See you soon.</p>"))
    message.reply_to = ReplyTo("desk@clinic.example")
    message.add_custom_arg(CustomArg("message_id", "m-1"))
    client.send(message)
    client.client.scopes.get()

    resend.api_key, resend.api_url = "re_recorded_key", f"{base}/resend"
    resend.Emails.send(
        {"from": "Clinic <hello@clinic.example>", "to": ["patient@example.org"], "subject": "Your visit – नमस्ते",
         "text": "See you soon.", "html": "<p>See you soon.</p>", "reply_to": "desk@clinic.example",
         "tags": [{"name": "message_id", "value": "m-1"}]}, {"idempotency_key": "m-1"})
    resend.Domains.list()
    texts(base)
    notices(base)
    whatsapp(base)
    account = pushes(base)
    server.shutdown()
    write("sdk_requests.json", {
        "source": f"boto3 {boto3.__version__}, sendgrid {sendgrid.__version__}, "
                  f"resend {resend.version.get_version()}, twilio {twilio.__version__}, pywa {pywa.__version__}, "
                  f"firebase-admin {firebase_admin.__version__}, google-auth {google.auth.__version__}",
        "accessKeyId": ACCESS_KEY, "secretAccessKey": SECRET, "serviceAccount": account, "calls": Recorder.calls})


def whatsapp(base):
    client = pywa.WhatsApp(phone_id="106540352242922", token="EAAG-recorded", api_version=26.0)
    client.api._session.base_url = f"{base}/meta/v26.0"
    client.send_message(to="919876543210", text="See you soon. नमस्ते", tracker="m-1")
    client.send_message(
        to="919876543210", text="Will you come?", tracker="m-1",
        buttons=[pywa.types.Button(title="Yes", callback_data="confirm"),
                 pywa.types.Button(title="No", callback_data="cancel")])
    client.send_template(
        to="919876543210", name="visit_reminder_2", language=pywa.types.templates.TemplateLanguage.ENGLISH_US,
        params=[pywa.types.templates.BodyText.params("Asha", "Monday, 9:00")], tracker="m-1")
    client.send_image(to="919876543210", image="https://clinic.example/map.png", caption="The way", tracker="m-1")
    client.upload_media(b"%PDF-1.7 recorded", mime_type="application/pdf", filename="letter.pdf")
    client.send_document(to="919876543210", document="https://clinic.example/letter.pdf", filename="letter.pdf",
                         caption="Your letter", tracker="m-1")
    client.send_message(
        to="919876543210", text="When will you come?", footer="Lindenhof", tracker="m-1",
        buttons=pywa.types.SectionList(button_title="Choose", sections=[
            pywa.types.Section(title="Monday", rows=[
                pywa.types.SectionRow(title="9:00", callback_data="a", description="Dr. Rao")]),
            pywa.types.Section(title="Tuesday", rows=[pywa.types.SectionRow(title="10:00", callback_data="b")])]))
    client.send_template(
        to="919876543210", name="auth_code_1", language=pywa.types.templates.TemplateLanguage.ENGLISH_US,
        params=[pywa.types.templates.AuthenticationBody.params(otp="481516"),
                pywa.types.templates.CopyCodeOTPButton.params(otp="481516")], tracker="m-1")
    client.get_business_phone_number()


def pushes(base):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {"type": "service_account", "project_id": "clinic-app-1", "private_key_id": "key-1",
               "private_key": pem.decode(), "client_email": "sender@clinic-app-1.iam.gserviceaccount.com",
               "token_uri": f"{base}/fcm/token"}
    messaging = firebase_admin.messaging
    messaging._MessagingService.FCM_URL = base + "/fcm/v1/projects/{0}/messages:send"
    firebase_admin.initialize_app(firebase_admin.credentials.Certificate(account))
    messaging.send(messaging.Message(
        token="fGTokenOfAnInstalledApp:APA91b", data={"message_id": "m-1"},
        notification=messaging.Notification(title="Your visit – नमस्ते", body="See you soon."),
        android=messaging.AndroidConfig(
            priority="high", ttl=3600, notification=messaging.AndroidNotification(tag="m-1")),
        apns=messaging.APNSConfig(headers={"apns-priority": "10", "apns-collapse-id": "m-1"}),
        webpush=messaging.WebpushConfig(headers={"TTL": "3600", "Urgency": "high"})))
    messaging.send(messaging.Message(topic="polyclinic-health"), dry_run=True)
    # The half of the account's key that checks signatures; the other one is gone.
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"project": account["project_id"], "email": account["client_email"], "publicKey": public.decode()}


class Redirected(TwilioHttpClient):
    """Sends what goes to api.twilio.com to the recorder."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def request(self, method, url, *args, **named):
        return super().request(method, url.replace("https://api.twilio.com", f"{self.base}/twilio"), *args, **named)


def texts(base):
    client = Client(ACCOUNT, "recorded-auth-token", http_client=Redirected(base))
    client.messages.create(
        to="+4915112345678", from_="+15005550006", body="Your visit – नमस्ते & +1",
        status_callback="https://clinic.example/api/v1/webhooks/communication/twilio/c?message=m-1#rc=3",
        validity_period=600)
    client.messages.create(
        to="whatsapp:+4915112345678", from_="whatsapp:+14155238886", content_sid="HX" + "b" * 32,
        content_variables=json.dumps({"1": "Asha", "2": "10:30"}))
    client.messages.create(
        to="whatsapp:+4915112345678", from_="whatsapp:+14155238886", body="Your letter",
        media_url=["https://clinic.example/letter.pdf"])
    client.messages.create(to="+4915112345678", messaging_service_sid="MG" + "c" * 32, body="See you soon.")
    client.api.v2010.accounts(ACCOUNT).fetch()

    sns = boto3.client("sns", endpoint_url=f"{base}/aws_sns", region_name="eu-west-1",
                       aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET)
    sns.publish(PhoneNumber="+4915112345678", Message="Your visit – नमस्ते & +1", MessageAttributes={
        "AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"},
        "AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "Clinic"}})
    sns.get_sms_attributes(attributes=["MonthlySpendLimit"])


def notices(base):
    """The endpoint is the one that the sandbox makes for this application and device."""
    sns = boto3.client("sns", endpoint_url=f"{base}/aws_sns", region_name="eu-west-1",
                       aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET)
    application, token = "arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic", "device-token-1"
    sns.create_platform_endpoint(PlatformApplicationArn=application, Token=token)
    endpoint = uuid.UUID(hex=hashlib.sha256(f"{application}\n{token}".encode()).hexdigest()[:32])
    sns.publish(TargetArn=f"{application.replace(':app/', ':endpoint/')}/{endpoint}", MessageStructure="json",
                Message=json.dumps({"default": "Hi", "GCM": json.dumps(
                    {"fcmV1Message": {"message": {"notification": {"title": "Clinic", "body": "Hi"}}}})}))
    sns.get_platform_application_attributes(PlatformApplicationArn=application)


def callbacks():
    class Pairs(dict):
        """Repeated names, as web frameworks hand them over."""

        def getall(self, name):
            return self[name]

    account = [["AccountSid", ACCOUNT]]
    usual = account + [["Body", ""], ["From", "whatsapp:+919876543210"], ["MessageSid", "SM" + "0" * 31 + "1"],
                       ["MessageStatus", "delivered"], ["To", "whatsapp:+14155238886"]]
    token = "polyclinic-auth-token"
    base = "https://clinic.example/api/v1/webhooks/communication/twilio/0192f1d0-0000-7000-8000-000000000001"
    odd = account + [["Body", "Grüße & नमस्ते 😀 + 1"], ["body", "lower"], ["Zed", "\u00ff"], ["zed", " "], ["A b", "c=d"]]
    cases = []

    def case(name, url, params, signed_url=None, signed_params=None, key=token):
        def pairs(values):
            found = Pairs()
            for k, v in values:
                found.setdefault(k, []).append(v)
            return found
        signature = RequestValidator(key).compute_signature(
            signed_url or url, pairs(params if signed_params is None else signed_params))
        cases.append({"name": name, "token": token, "url": url, "params": params, "signature": signature,
                      "isValid": RequestValidator(token).validate(url, pairs(params), signature)})

    case("a receipt with a blank value", base, usual)
    case("a query", base + "?message=0192f1d0-0000-7000-8000-000000000002", usual)
    case("other alphabets, and names in other cases", base, odd)
    case("a repeated name", base, usual + [["Digits", "5678"], ["Digits", "1234"], ["Digits", "5678"]])
    case("the usual port added", base, usual, base.replace(".example", ".example:443"))
    case("the usual port left out", base.replace(".example", ".example:443"), usual, base)
    case("another port left out", base.replace(".example", ".example:8443"), usual, base)
    case("another port", base.replace(".example", ".example:8443"), usual)
    case("http with its port", base.replace("https", "http"), usual,
         base.replace("https", "http").replace(".example", ".example:80"))
    case("without the blank value", base, usual, None, [p for p in usual if p[1]])
    case("one parameter more", base, usual + [["MessageStatus2", "x"]], None, usual)
    case("another's address", base, usual, base.replace("clinic.example", "other.example"))
    case("http for https", base, usual, base.replace("https", "http"))
    case("the address with its fragment", base, usual, base + "#rc=3")
    case("another's token", base, usual, key="another-auth-token")
    case("in another order", base, list(reversed(usual)))
    case("nothing", base, [])
    write("twilio_signatures.json", {"source": f"twilio {twilio.__version__}, RequestValidator", "cases": cases})


if __name__ == "__main__":
    suite(sys.argv[1])
    signatures()
    sdks()
    callbacks()
