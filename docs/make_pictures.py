"""Makes the pictures of the README and of the guide to Dagster: the report of digits, and pages of Dagster's UI.

    python docs/make_pictures.py

Runs the pipelines into a temporary folder, opens the pages in headless Chromium and writes docs/images/*.png. Needs
Chromium on PATH. The graph is that of ``ballast init``, which is small enough to be read in a picture; the model in use
is that of a pipeline which has run for some nights; the other pages are those of the pipeline diabetes, which has
partitions and a schedule. None is so tall that a path shows on it.
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
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BIN = Path(sys.executable).parent
LONGEST_START = 180  # seconds
PROJECT = {
    "graph.png": ("locations/cellar/asset-groups/wine/lineage", (2000, 1560)),
    "dagster-production.png": ("assets/shop/production?view=checks", (1400, 1240)),
}
DIABETES = {
    "dagster-asset.png": ("assets/diabetes/density", (1400, 1000)),
    "dagster-checks.png": ("assets/diabetes/density?view=checks", (1400, 900)),
    "dagster-partitions.png": ("assets/diabetes/density?view=partitions&partition=north", (1400, 900)),
    "dagster-automation.png": ("automation", (1400, 460)),
    "dagster-report.png": ("assets/diabetes/report", (1600, 860)),
}
"""Pages by picture: the address below the server's, and the window's size."""


SHOP = """
type: ballast.Pipeline
attributes:
  name: shop
  data:
    train: {path: orders.csv, id: order, label: returned}
    test: {path: known.csv, id: order, label: returned}
    night: {like: target, path: night.csv, id: order}
  steps:
    drift: {use: kolmogorov_smirnov, against: night}
    model: {use: logistic_regression}
    verdict: {use: compare_models, models: [production, model]}
    production: {promote: verdict, from: [model], better_by: 0}
    scored: {predict: production, on: night}
  gates:
    drift: [{expect_drift_below: {max_effect_size: 0.5}}]
"""
NIGHTS = 6


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
        for folder, pipeline in ((ROOT, "digits"), (ROOT, "diabetes"), (project, "wine")):
            subprocess.run([BIN / "ballast", "run", pipeline], cwd=folder, env=env, check=True)
        run_nights(project, env)
        shoot(browser, Path(home, "reports", "digits.html").as_uri(), "report.png", (1200, 1150))
        for folder, pages in ((project, PROJECT), (ROOT, DIABETES)):
            serve(browser, folder, pages, env)


def run_nights(project: Path, env: dict[str, str]) -> None:
    """Runs a pipeline whose rows are others each night, with more and better training rows on the last one."""
    folder = project / "pipelines" / "shop"
    folder.mkdir()
    (folder / "defs.yaml").write_text(SHOP)
    few = orders(60, seed=1)
    few.loc[::3, "returned"] = "no"
    few.to_csv(folder / "orders.csv", index=False)
    orders(300, seed=3).to_csv(folder / "known.csv", index=False)
    for night in range(1, NIGHTS + 1):
        orders(80, seed=10 + night).drop(columns="returned").to_csv(folder / "night.csv", index=False)
        if night == NIGHTS:
            orders(2000, seed=4).to_csv(folder / "orders.csv", index=False)
        subprocess.run([BIN / "ballast", "run", "shop"], cwd=project, env=env, check=True)


def orders(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    price, days = rng.lognormal(3.5, 0.6, n).round(2), rng.gamma(4.0, 1.0, n).round(1)
    likely = 2 * (np.log(price) - 3.5) + 0.8 * (days - 4.0)
    returned = np.where(likely + rng.logistic(0, 0.6, n) > 0, "yes", "no")
    return pd.DataFrame(
        {"order": [f"{seed}-{i:04d}" for i in range(n)], "price": price, "days": days, "returned": returned}
    )


def serve(browser: str, folder: Path, pages: dict[str, tuple[str, tuple[int, int]]], env: dict[str, str]) -> None:
    """Takes pictures of pages of Dagster's UI, which is served from a project's folder on the loopback address."""
    port = free_port()
    command = [BIN / "dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, cwd=folder, env=env)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, server)
        for name, (page, size) in pages.items():
            shoot(browser, f"{url}/{page}", name, size)
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
