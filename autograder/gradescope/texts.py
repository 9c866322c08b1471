"""The two programs that Gradescope calls."""

from __future__ import annotations

SETUP = """#!/usr/bin/env bash
# Runs once, when the image is built: Python, the packages, the data sets. Fails loudly, so that no half image is used.
set -euo pipefail
root="${1:-/autograder}"
source="$root/source"
export DEBIAN_FRONTEND=noninteractive

find_python() {
  for name in python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import ensurepip, venv' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
}
python="$(find_python)"
if [ -z "$python" ]; then
  apt-get update
  for version in 3.13 3.12 3.11; do
    if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then break; fi
  done
  python="$(find_python)"
fi
if [ -z "$python" ]; then
  echo "no Python 3.11 or newer can be installed here; choose the base image Ubuntu 24.04" >&2
  exit 1
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/pip" install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \\
  --constraint "$source/constraints.txt" --requirement "$source/requirements.txt"

# What decides marks is for the grader alone, whatever else fails; its programs are read by the fenced side as well.
chown -R root:root "$source"
chmod -R a+rX "$source"
chmod -R go-rwx "$source/content"
if [ -f "$source/data.txt" ]; then
  export PYTHONPATH="$source/engine" AUTOGRADER_DATA="$root/data"
  "$root/venv/bin/python" -P -c 'from autograder.cli import main; main()' data fetch
  chmod -R a+rX "$root/data"
fi
PYTHONPATH="$source/engine" "$root/venv/bin/python" -P -m autograder.gradescope --look "$root"
"""

RUN = """#!/usr/bin/env bash
# Runs for each submission. The first results.json is written before anything can go wrong.
root="${1:-/autograder}"
source="$root/source"
python="${AUTOGRADER_PYTHON:-$root/venv/bin/python}"
umask 022
mkdir -p "$root/results"
cp "$source/started.json" "$root/results/.started" && mv "$root/results/.started" "$root/results/results.json"
export PYTHONPATH="$source/engine" PYTHONUNBUFFERED=1
if [ -d "$root/data" ]; then export AUTOGRADER_DATA="$root/data"; fi
exec "$python" -P -m autograder.gradescope "$root" </dev/null
"""
