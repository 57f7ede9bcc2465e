#!/bin/sh
# Installs what the tests use and a plain machine lacks: Chromium, for the browser tests.
# Where it cannot be installed the browser tests skip with their reason, so this never fails.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" != 0 ] || ! grep -qs '^ID=debian' /etc/os-release; then
    echo "No Chromium here: the browser tests will skip (install chromium to run them)"
    exit 0
fi
echo "Installing Chromium for the browser tests"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } >/dev/null </dev/null ||
    echo "Chromium could not be installed: the browser tests will skip"
