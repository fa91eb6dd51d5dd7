#!/usr/bin/env bash
# How well the bot understands, beside NLP.js and fastText in the same run: see bench/bot.py.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 bench/bot.py "$@"
