#!/usr/bin/env bash
# Cold start: from exec to the first answered request, on a desk of 100,000 conversations. Beside it the time of `stablehand --version`, which only starts the process.
set -euo pipefail
cd "$(dirname "$0")/.."
exec node bench/start.mjs "$@"
