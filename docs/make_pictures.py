"""Makes the README's pictures: the top of the report of digits, and the graph of a new project in Dagster's UI.

    python docs/make_pictures.py

Runs both pipelines into a temporary folder, opens the pages in headless Chromium and writes docs/images/*.png. Needs
Chromium on PATH. The graph is that of ``ballast init``, which is small enough to be read in a picture.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import matplotlib.image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BIN = Path(sys.executable).parent
LONGEST_START = 180  # seconds


def main() -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("no Chromium on PATH; install one")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        settings = {"BALLAST_HOME": home, "DAGSTER_HOME": f"{home}/dagster", "DAGSTER_DISABLE_TELEMETRY": "1"}
        env = {**os.environ, **settings}
        Path(home, "dagster").mkdir()
        Path(home, "dagster", "dagster.yaml").write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
        project = Path(home, "cellar")
        subprocess.run([BIN / "ballast", "init", project], check=True)
        for folder, pipeline in ((ROOT, "digits"), (project, "wine")):
            subprocess.run([BIN / "ballast", "run", pipeline], cwd=folder, env=env, check=True)
        shoot(browser, Path(home, "reports", "digits.html").as_uri(), "report.png", (1200, 1150))
        port = free_port()
        command = [BIN / "dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, cwd=project, env=env)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, server)
            shoot(browser, f"{url}/locations/cellar/asset-groups/wine/lineage", "graph.png", (2000, 1560))
        finally:
            server.terminate()
            server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(2 * LONGEST_START):
        if server.poll() is not None:
            sys.exit(f"the web server ended with {server.returncode}")
        try:
            urllib.request.urlopen(f"{url}/server_info", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    sys.exit(f"nothing answered at {url} for {LONGEST_START} s")


def shoot(browser: str, url: str, name: str, size: tuple[int, int]) -> None:
    """Writes what the browser shows of a page as a PNG without an alpha channel."""
    path = IMAGES / name
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=30000"]
    shot = [f"--screenshot={path}", f"--window-size={size[0]},{size[1]}"]
    subprocess.run([browser, *flags, *shot, url], check=True, timeout=300, stderr=subprocess.DEVNULL)
    matplotlib.image.imsave(path, matplotlib.image.imread(path)[:, :, :3])
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
