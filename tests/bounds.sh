# Tries the bounds that pyproject.toml declares: sh tests/bounds.sh lowest|newest
# Makes .venv-lowest or .venv-newest afresh, then a project and a run of its pipeline, then the quick tests of what
# computes and of the locks. The tools of the tests are the newest. What uv reads from its environment holds here too:
# UV_TORCH_BACKEND=cpu takes the small build of torch.
set -eu
cd "$(dirname "$0")/.."
case ${1-} in
    lowest) resolution=lowest-direct ;;
    newest) resolution=highest ;;
    *) echo "Say which bounds: sh tests/bounds.sh lowest, or newest" >&2; exit 2 ;;
esac
environment="$PWD/.venv-$1"
rm -rf "$environment"
"${PYTHON:-python3}" -m venv "$environment"
PATH="$environment/bin:$PATH"
export VIRTUAL_ENV="$environment" DAGSTER_DISABLE_TELEMETRY=1
pip install -q uv
uv pip install -q --resolution "$resolution" -e '.[ducklake]'
uv pip install -q hypothesis pytest pytest-xdist
uv pip freeze

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ballast init "$folder/demo"
(cd "$folder/demo" && ballast run wine)

pytest -q -n "${JOBS:-2}" --dist loadscope tests/compute tests/methods tests/conformance tests/gates \
    tests/warehouse/homes/test_extensions.py tests/warehouse/locks/test_turns.py
