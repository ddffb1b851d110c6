# Fetches Debian packages into a folder, as an ordinary user and without
# touching the machine's own packages: a private apt root with its own lists,
# sources and (empty) status file. The mirror is the one in the machine's own
# apt sources, and every package is checked against Debian's keyring.
#
# To be sourced. Each function returns 1 after one line on stderr that says why.
# shellcheck shell=bash

miner_cache=${MINER_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/miner-tests}
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

unavailable() {
    echo "$*" >&2
    return 1
}

# Prints the address of the machine's Debian mirror: of the sources that have
# the machine's own release, one of the usual form, as others have it too.
debian_mirror() {
    local release addresses mirror
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && [[ ${ID:-} == debian ]] && echo "${VERSION_CODENAME:-sid}") ||
        unavailable "not a Debian machine" || return
    addresses=$(apt-get --print-uris update 2>/dev/null |
        sed -nE "s,^'(.*)/dists/($release|stable|testing|unstable|sid)/InRelease'.*,\1,p")
    mirror=$(grep -m 1 -E '://[^/]+/debian/?$' <<<"$addresses" || head -n 1 <<<"$addresses")
    [[ $mirror ]] || unavailable "no Debian mirror in the machine's apt sources" || return
    echo "$mirror"
}

require_apt() {
    local tool
    for tool in apt-get dpkg flock; do
        command -v "$tool" >/dev/null || unavailable "$tool is missing" || return
    done
    [[ -r $debian_keyring ]] || unavailable "$debian_keyring is missing"
}

# build_once FOLDER CHECK BUILD: unless "CHECK FOLDER" holds, runs "BUILD NEW" to
# fill a new folder, which then takes FOLDER's place in one step. Others wait.
build_once() (
    folder=$1 check=$2 build=$3
    require_apt || exit
    mkdir -p "$(dirname "$folder")" 2>/dev/null || unavailable "cannot write to $miner_cache" || exit
    exec 8>"$folder.lock" && flock 8 || exit
    ! "$check" "$folder" || exit 0
    new=$(mktemp -d "$folder.XXXXXX") || exit
    trap 'rm -rf "$new"' EXIT
    chmod 755 "$new"
    "$build" "$new" || exit
    rm -rf "$folder" && mv -T "$new" "$folder"
)

# apt_root SUITE: makes the private root of a suite, once, and prints its path.
# Where apt_foreign names an architecture beside the machine's own, it knows the
# packages of both.
apt_root() {
    local suite=$1 root=$miner_cache/apt/$1${apt_foreign:+-$apt_foreign} mirror
    mirror=$(debian_mirror) || return
    mkdir -p "$root"/{lists/partial,cache/archives/partial} 2>/dev/null ||
        unavailable "cannot write to $miner_cache" || return
    : >"$root/status"
    echo "deb [signed-by=$debian_keyring] $mirror $suite main" >"$root/sources.list"
    # Read after the machine's own settings, so a proxy set there is kept.
    cat >"$root/apt.conf" <<CONF
#clear APT::Update;
#clear DPkg;
APT::Architectures "$(dpkg --print-architecture)${apt_foreign:+,$apt_foreign}";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$root";
Dir::State::lists "$root/lists";
Dir::State::status "$root/status";
Dir::Cache "$root/cache";
Dir::Log "$root";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
CONF
    echo "$root"
}

# quietly LOG COMMAND...: output goes to LOG; its first error is the reason.
quietly() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 || unavailable "apt: $(grep '^E:' "$log" | head -n 1)"
}

# apt_update ROOT [now]: refreshes the lists, at most once a day unless "now".
apt_update() {
    local root=$1 stamp=$1/updated
    if [[ ${2:-} == now || ! $(find "$stamp" -mtime -1 2>/dev/null) ]]; then
        quietly "$root/update.log" apt-get -c "$root/apt.conf" update --error-on=any &&
            touch "$stamp"
    fi
}

# apt_download ROOT ARCHIVES PACKAGE...: the packages and all they depend on.
apt_download() {
    local root=$1 archives=$2
    shift 2
    quietly "$root/download.log" apt-get -c "$root/apt.conf" -o "Dir::Cache::archives=$archives" \
        install --yes --download-only "$@"
}

# apt_fetch SUITE DEST PACKAGE...: unpacks the packages and all they depend on
# (the C library too) into DEST. One fetch at a time: others wait.
apt_fetch() (
    suite=$1 dest=$2
    shift 2
    root=$(apt_root "$suite") || exit
    exec 9>"$root/lock" && flock 9
    archives=$(mktemp -d "$root/archives.XXXXXX") && mkdir -p "$archives/partial" "$dest" || exit
    trap 'rm -rf "$archives"' EXIT

    apt_update "$root" || exit
    if ! apt_download "$root" "$archives" "$@" 2>/dev/null; then
        # The suite may have moved on since the lists were made.
        apt_update "$root" now && apt_download "$root" "$archives" "$@" || exit
    fi
    for package in "$archives"/*.deb; do
        dpkg -x "$package" "$dest" || unavailable "cannot unpack ${package##*/}" || exit
    done
)

# write_wrapper FETCHED PROGRAM WRAPPER: an executable that starts a fetched
# program with the C library fetched along with it. FETCHED and WRAPPER must
# lie in one folder, which may be moved.
write_wrapper() {
    local fetched=$1 program=$2 wrapper=$3 loader
    [[ -x $fetched/$program ]] || unavailable "the package has no $program" || return
    loader=$(cd "$fetched" && find . -name "ld-linux-$(uname -m | tr _ -).so.*" -type f -printf '%P\n' -quit)
    [[ $loader ]] || unavailable "no dynamic loader among the fetched packages" || return
    cat >"$wrapper" <<WRAPPER
#!/bin/sh
fetched=\$(dirname "\$(readlink -f "\$0")")/${fetched##*/}
exec "\$fetched/$loader" --library-path "\$fetched/$(dirname "$loader")" "\$fetched/$program" "\$@"
WRAPPER
    chmod +x "$wrapper"
}
