"""What `run_autograder` and `setup.sh` call."""

from __future__ import annotations

import sys
from pathlib import Path

from autograder.gradescope.running import look, run

if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["--look"]:
        sys.exit(look(Path(words[1]).resolve()))
    sys.exit(run(Path(words[0]).resolve()))
