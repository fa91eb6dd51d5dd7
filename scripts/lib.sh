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

# Says from time to time how far a command is, by the last line of its log; ends with this script, or when it is ended.
progress() {
    local log=$1 seconds=0 line
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        if [ -t 2 ]; then
            line=$(tail -n 1 "$log" 2>/dev/null | tr -d '\000-\037' | cut -c 1-64)
            printf '\r\e[K    %3d s  %s' "$seconds" "$line" >&2
        elif [ $((seconds % 20)) = 0 ]; then
            line=$(tail -n 1 "$log" 2>/dev/null | tr -d '\000-\037' | cut -c 1-64)
            note "$seconds s  $line"
        fi
    done
}

# Runs a command with its output in a log, and shows progress: watched LOG COMMAND...
# The command itself stays in the foreground, so that Ctrl-C reaches it.
watched() {
    local log=$1 status=0 watcher
    shift
    mkdir -p "$(dirname "$log")"
    : >"$log"
    progress "$log" &
    watcher=$!
    "$@" >"$log" 2>&1 || status=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    if [ -t 2 ]; then printf '\r\e[K' >&2; fi
    return "$status"
}

# The same; when the command fails the end of its log is shown, and the script ends: quiet LOG COMMAND...
quiet() {
    local log=$1
    shift
    if ! watched "$log" "$@"; then
        tail -n "${QUIET_TAIL:-60}" "$log" >&2
        die "failed: $* (whole log: $log)${HINT:+
       $HINT}"
    fi
}

# The compiler, through ccache when there is one.
compiler() {
    if have ccache; then printf 'ccache %s' "$1"; else printf '%s' "$1"; fi
}

# Sources under PATH..., without what builds leave there.
sources() {
    { find "$@" \( -name node_modules -o -name dist -o -name .svelte-kit -o -name __pycache__ \) -prune -o -type f -print 2>/dev/null || true; } | sort
}

# Remember what a build was made of, and ask whether that still holds: names, and no file newer than the stamp.
#     stamp_begin FILE; build; stamp_end FILE PATH...          stamp_holds FILE PATH...
stamp_begin() {
    mkdir -p "$(dirname "$1")"
    : >"$1.new"
}
stamp_end() {
    local file=$1
    shift
    sources "$@" | sha1sum >"$file.names"
    mv "$file.new" "$file"
}
stamp_holds() {
    local file=$1
    shift
    [ -f "$file" ] && [ -f "$file.names" ] || return 1
    [ "$(sources "$@" | sha1sum)" = "$(cat "$file.names")" ] || return 1
    # shellcheck disable=SC2016
    [ -z "$(sources "$@" | tr '\n' '\0' | xargs -0 -r sh -c 'f=$1; shift; find "$@" -newer "$f" -print' sh "$file" | head -n 1)" ]
}

# What the program is made of.
# shellcheck disable=SC2034
PROGRAM_SOURCES=(meson.build meson_options.txt VERSION src migrations content spec web scripts)
# shellcheck disable=SC2034
WEB_SOURCES=(web spec/openapi.yaml spec/socket.yaml)

# C files that people write: not what is generated.
c_files() {
    { find src tests fuzz bench -type f \( -name '*.c' -o -name '*.h' \) ! -name '*.gen.*' ! -path '*/node_modules/*' 2>/dev/null || true; } | sort
}
