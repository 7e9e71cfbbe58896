# Sourced by scripts/docs and scripts/node.sh.

# Installs the packages of a lock file into a folder. uv takes a seventh of the CPU time of pip, which is for machines
# where only pip reaches the package index. $1: the virtual environment that has both, $2: the folder, $3: the lock file.
install_into() {
    # uv does not read the configuration of pip. The address may contain a password, which others would see in arguments.
    index=${PIP_INDEX_URL:-$("$1/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    "$1/bin/uv" pip install --quiet --no-config --system-certs --python "$1/bin/python" --no-deps --require-hashes \
        --only-binary :all: --target "$2" --requirement "$3" >&2 && return
    rm -rf "$2"
    "$1/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes --only-binary :all: \
        --target "$2" -r "$3" >&2
}
