#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image. Everything goes to /opt/autograder, which students'
# processes may read; what grades them stays in /autograder/source, which they may not.
set -euo pipefail
source=/autograder/source
target=/opt/autograder

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv libseccomp2
python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed: choose Ubuntu 24.04 in the autograder settings" if sys.version_info < (3, 11) else 0)'
python3 -m venv "$target"
"$target/bin/python" -m pip install --disable-pip-version-check --quiet --no-cache-dir -r "$source/requirements.txt"
"$target/bin/python" -m pip install --disable-pip-version-check --quiet --no-cache-dir --no-deps "$source"/autograder-*.whl
chmod -R o+rX "$target"
chmod 0700 "$source"

# For the build's log: what this image can do. Grading says it again if something is missing.
"$target/bin/autograder" --course-dir "$source/course" doctor ASSIGNMENT_NAME || true
