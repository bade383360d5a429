"""An e-mail provider that takes whatever it is sent: nginx with a fixed answer, in the form of ZeptoMail's.

A real provider's work is done on its own machines. The sandbox, which keeps what it is sent, would take a tenth of this one's time.
"""
import os
import socket
import subprocess
import tempfile
import time

NGINX = "/usr/sbin/nginx"
START_LIMIT_SECONDS = 10
CONFIGURATION = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/errors;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000000; client_body_buffer_size 64k; client_body_temp_path {home}/bodies;
    server {{
        listen 127.0.0.1:{port}; default_type application/json;
        location / {{
            return 201 '{{"data":[{{"code":"EM_104","additional_info":[],"message":"Email request received"}}],\
"message":"OK","request_id":"$request_id","object":"email"}}';
        }}
    }}
}}
"""


class Provider:
    """Started when its address is first asked for; ended with the benchmarks."""

    def __init__(self):
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.home.cleanup()

    @property
    def url(self) -> str:
        if not self.process:
            self.start()
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not os.path.exists(NGINX):
            raise RuntimeError("nginx is missing: apt-get install nginx-light")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.home = tempfile.TemporaryDirectory(prefix="polyclinic-bench-provider-")
        path = os.path.join(self.home.name, "nginx.conf")
        with open(path, "w") as file:
            file.write(CONFIGURATION.format(home=self.home.name, port=self.port))
        self.process = subprocess.Popen([NGINX, "-p", self.home.name, "-c", path, "-e", f"{self.home.name}/errors"])
        end = time.monotonic() + START_LIMIT_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("nginx did not start")
            time.sleep(0.05)
