#!/usr/bin/env bash
# Records AWS's test suite, botocore's signatures, the SDKs' requests, published schemas and webhooks anew, in a throw-away Python environment.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check boto3==1.43.11 sendgrid==6.12.5 resend==2.52.0 \
    twilio==9.13.0 svix==2.9.1 pydantic logfire-api dnslib==0.9.26 \
    pywa==4.5.0 firebase-admin==7.7.0 google-auth==2.62.2
# It names more than it imports.
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps aws-sns-verifier==0.1.14
# For the documents that it carries alone.
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps google-api-python-client==2.202.0
"$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$folder" botocore==1.43.11
tar -xzf "$folder/botocore-1.43.11.tar.gz" -C "$folder"
"$folder/venv/bin/python" Tests/record_vectors.py "$folder/botocore-1.43.11"
"$folder/venv/bin/python" Tests/record_schemas.py
"$folder/venv/bin/python" Tests/record_webhooks.py
"$folder/venv/bin/python" Tests/record_dns.py
"$folder/venv/bin/python" Tests/record_mail.py
