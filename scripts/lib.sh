# shellcheck shell=bash
# Shared by the scripts: sourced, never run. Every script starts with
#     set -euo pipefail; . "$(dirname "$0")/lib.sh"
# and works from the root of the repository after that.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1
export LC_ALL=C.UTF-8

# Parallel jobs; the caller may say otherwise.
: "${JOBS:=$(nproc)}"

if [ -t 2 ]; then
    bold=$'\e[1m' plain=$'\e[0m'
else
    bold='' plain=''
fi

say() { printf '%s\n' "$bold==>$plain $*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command with its output kept in a log, which is shown only when it fails: quiet LOG COMMAND...
quiet() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1; then
        tail -n "${QUIET_TAIL:-60}" "$log" >&2
        die "failed: $* (whole log: $log)"
    fi
}

# The compiler, through ccache when there is one.
compiler() {
    if have ccache; then printf 'ccache %s' "$1"; else printf '%s' "$1"; fi
}

# One hash over the sources that a folder's build depends on (names and contents as git sees them, plus what is not committed): stamp PATH...
stamp() {
    {
        git ls-files -s -- "$@"
        git diff HEAD -- "$@" 2>/dev/null
        git ls-files -o --exclude-standard -z -- "$@" | sort -z | xargs -0 -r sha1sum
    } | sha1sum | cut -d' ' -f1
}
