#!/usr/bin/env bash
# The crash test of tests/crash, long: 500 kills unless CRASH_KILLS says otherwise. Fails when an acknowledged message is lost, doubled or out of order.
set -euo pipefail
cd "$(dirname "$0")/.."
json=''
[ "${1:-}" != --json ] || json=${2:?--json wants a file}
export CRASH_KILLS=${CRASH_KILLS:-500}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
(cd tests && STABLEHAND_BIN="$PWD/../build/stablehand" node --import tsx --test crash/*.test.ts) | tee "$log"
messages=$(sed -n 's/^# \([0-9]*\) messages acknowledged.*/\1/p' "$log")
printf 'kills %s, messages %s, lost 0, doubled 0\n' "$CRASH_KILLS" "$messages"
[ -z "$json" ] || printf '{"crash": {"kills": %s, "messages": %s, "lost": 0, "doubled": 0}}\n' "$CRASH_KILLS" "$messages" >"$json"
