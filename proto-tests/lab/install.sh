#!/bin/bash
# Installs what the lab needs and this machine lacks. Starts no service, makes no cluster, directory
# or mail system of the machine's own, and asks nothing. With nothing to install it does nothing but
# fetch a script that tests use into target/.
#     install.sh         what the tests need
#     install.sh bench   the same, and what mailhold is measured beside
set -euo pipefail

script=$(readlink -f "$0")
policy=/usr/sbin/policy-rc.d
policy_aside=/usr/sbin/policy-rc.d.before-mailhold
cluster_settings=/etc/postgresql-common/createcluster.d
no_cluster=$cluster_settings/mailhold-lab.conf

missing=()
need() { # PACKAGE FILE: the package that brings the file
    compgen -G "$2" >/dev/null || missing+=("$1")
}
need postfix /usr/lib/postfix/sbin/master
need sasl2-bin /usr/sbin/saslpasswd2
need libsasl2-modules '/usr/lib/*/sasl2/libplain.so'
need libsasl2-modules-db '/usr/lib/*/sasl2/libsasldb.so'
need slapd /usr/sbin/slapd
need ldap-utils /usr/bin/ldapmodify
need postgresql '/usr/lib/postgresql/*/bin/initdb'
need sudo /usr/bin/sudo
need openssl /usr/bin/openssl
need util-linux /usr/bin/setpriv
need systemd /usr/bin/systemd-analyze
need strace /usr/bin/strace
need miltertest /usr/bin/miltertest
need chromium /usr/bin/chromium
need chromium-driver /usr/bin/chromedriver
if [ "${1:-}" = bench ]; then
    python=/usr/lib/python3/dist-packages
    need libmilter-dev /usr/include/libmilter/mfapi.h
    need libpq-dev /usr/include/postgresql/libpq-fe.h
    need postfix-ldap /usr/lib/postfix/postfix-ldap.so
    need python3-milter "$python/Milter/__init__.py"
    need python3-ldap3 "$python/ldap3/__init__.py"
    need python3-psycopg2 "$python/psycopg2/__init__.py"
fi
command -v cc >/dev/null || missing+=(gcc libc6-dev)

# What looks at pages for the people who cannot see them. It comes from npm, is run by tests alone and
# not shipped. Everything else works without it: what needs it fails and points here.
axe=4.14.1
axe_digest=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
axe_script=$(dirname "$script")/../../target/lab/axe-$axe.js
fetch_axe() {
    local fetched
    mkdir -p "$(dirname "$axe_script")"
    fetched=$(mktemp -d)
    if npm pack --silent --pack-destination "$fetched" "axe-core@$axe" >/dev/null &&
        tar -xzf "$fetched/axe-core-$axe.tgz" -C "$fetched" package/axe.min.js &&
        sha256sum --status -c <<<"$axe_digest  $fetched/package/axe.min.js"; then
        mv "$fetched/package/axe.min.js" "$axe_script"
    fi
    rm -rf "$fetched"
}
if [ ! -e "$axe_script" ] && command -v npm >/dev/null; then fetch_axe; fi
if [ ! -e "$axe_script" ]; then
    echo "The tests of accessibility will fail: they need axe-core $axe, which npm brings, and npm is" >&2
    echo "missing or did not get it. Install npm, or put its axe.min.js there by hand:" >&2
    echo "    $axe_script" >&2
fi

[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        exec sudo "$script" "$@"
    fi
    echo "These Debian packages are missing: ${missing[*]}" >&2
    echo "As root, this installs them without starting anything:" >&2
    echo "    bash $script $*" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "This is no Debian; install what brings: ${missing[*]}" >&2
    exit 1
fi

undo() {
    rm -f "$no_cluster"
    if [ -n "${made_directory:-}" ]; then rmdir --ignore-fail-on-non-empty "$cluster_settings"; fi
    rm -f "$policy"
    if [ -e "$policy_aside" ]; then mv "$policy_aside" "$policy"; fi
}
trap undo EXIT

# Debian starts a service when its package is installed, unless this program says 101. One that is
# already there comes back afterwards, also after a run that was cut off.
if [ -e "$policy" ] && [ ! -e "$policy_aside" ]; then mv "$policy" "$policy_aside"; fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
# No "main" cluster beside the packages: nothing that the next boot would start.
[ -d "$cluster_settings" ] || made_directory=yes
mkdir -p "$cluster_settings"
echo 'create_main_cluster = false' >"$no_cluster"

export DEBIAN_FRONTEND=noninteractive
for package in "${missing[@]}"; do
    case $package in
        postfix) echo 'postfix postfix/main_mailer_type select No configuration' ;;
        slapd) echo 'slapd slapd/no_configuration boolean true' ;;
    esac
done | debconf-set-selections

echo "Installing: ${missing[*]}"
apt-get update -qq
apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}" </dev/null
