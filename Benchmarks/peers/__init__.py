"""The programs measured beside the suite. Each is installed when it can be; a missing one says so."""
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_PACKAGES = ["fastapi", "uvicorn[standard]", "asyncpg", "pyjwt"]
KEY = "a key of the benchmark only, long enough"


class Monolith:
    """FastAPI and asyncpg on the suite's own PostgreSQL, two workers."""

    def __init__(self, suite):
        self.suite = suite
        self.process = None

    def __enter__(self):
        folder = os.path.join(self.suite.home, "monolith-venv")
        python = os.path.join(folder, "bin", "python")
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *PYTHON_PACKAGES], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return self
        database = self.suite.admin_url()
        load = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", os.path.join(HERE, "monolith.sql"), database]
        subprocess.run(load, check=True, capture_output=True)
        self.url = "http://127.0.0.1:8391"
        self.process = subprocess.Popen(
            [python, "-m", "uvicorn", "monolith:app", "--workers", "2", "--port", "8391", "--log-level", "error"], cwd=HERE,
            env={**os.environ, "DATABASE_URL": database, "MONOLITH_KEY": KEY})
        self.clinic = str(uuid.uuid4())
        claims = f"import jwt; print(jwt.encode(dict(sub='bench', role='RECEPTIONIST', clinic='{self.clinic}'), '{KEY}', 'HS256'))"
        self.token = subprocess.run([python, "-c", claims], check=True, capture_output=True, text=True).stdout.strip()
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/openapi.json", timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    @property
    def is_there(self) -> bool:
        return self.process is not None


class Sidekiq:
    """Sidekiq of the system's packages on the suite's own Redis, database 5."""

    def __init__(self, suite):
        self.suite = suite

    def __enter__(self):
        self.worker = None
        if not shutil.which("sidekiq") and os.geteuid() == 0:
            subprocess.run(["apt-get", "install", "-y", "-qq", "ruby-sidekiq"], capture_output=True, check=False)
        if shutil.which("sidekiq"):
            self.environment = {**os.environ, "REDIS_URL": self.suite.demo["redisURL"].rstrip("/0") + "/5"}
            self.worker = subprocess.Popen(
                ["sidekiq", "-r", "./noop_sidekiq.rb", "-c", "10"], cwd=HERE, env=self.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(3)
        return self

    def __exit__(self, *_):
        if self.worker:
            self.worker.terminate()
            self.worker.wait(20)

    def jobs_per_second(self, count: int) -> float | None:
        if not self.worker:
            return None
        text = subprocess.run(
            ["ruby", "noop_sidekiq.rb", str(count)], cwd=HERE, env=self.environment, check=True, capture_output=True,
            text=True).stdout
        return float(text)
