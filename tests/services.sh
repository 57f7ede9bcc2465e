#!/bin/sh
# Installs what the tests use and a plain machine lacks: Postgres, for the team's warehouse.
# Where it cannot be installed those tests skip with their reason, so this never fails.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing=yes
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! grep -qs '^ID=debian' /etc/os-release; then
    echo "Postgres is not here. The tests that need it will skip (install it to run those)"
    exit 0
fi
echo "Installing Postgres for the tests"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -q && apt-get install -q -y --no-install-recommends postgresql; } >/dev/null </dev/null ||
    echo "Postgres could not be installed. The tests that need it will skip"
