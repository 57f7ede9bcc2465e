#!/bin/sh
# Installs what the tests use and a plain machine lacks: Chromium for the browser tests, Postgres for the team's warehouse.
# Where they cannot be installed those tests skip with their reason, so this never fails.
wanted=
found=
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && found=yes
done
[ -n "$found" ] || wanted="$wanted chromium"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || wanted="$wanted postgresql"
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" != 0 ] || ! grep -qs '^ID=debian' /etc/os-release; then
    echo "Not here:$wanted. The tests that need them will skip (install them to run those)"
    exit 0
fi
echo "Installing$wanted for the tests"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
{ apt-get update -q && apt-get install -q -y --no-install-recommends $wanted; } >/dev/null </dev/null ||
    echo "Could not be installed:$wanted. The tests that need them will skip"
