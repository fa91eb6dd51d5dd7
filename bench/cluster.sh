#!/usr/bin/env bash
# Three nodes, Patroni, NATS and HAProxy under 200 faults (CLUSTER_FAULTS, CLUSTER_SEED), about forty minutes: nothing lost, nothing doubled, and how long clients waited
# for a new leader of the database, beside what Patroni took.
set -euo pipefail
cd "$(dirname "$0")/.."
json=''
[ "${1:-}" != --json ] || json=$(realpath -m "${2:?--json wants a file}")
scripts/bootstrap --cluster
cd tests
STABLEHAND_BIN="$PWD/../build/stablehand" node --import tsx cluster/long.ts ${json:+"$json"}
