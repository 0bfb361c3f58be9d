#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing of the tools below: by apt on Debian and Ubuntu; elsewhere names them and stops.
#   tools/install-deps.sh run     to build and boot the image
#   tools/install-deps.sh test    that, and what the tests need
set -u

# What must be there (a command or a file) and the package that has it. Optional ones (?) are skipped where the
# distribution has no such package; the test that needs one says so and counts as skipped.
RUN_NEEDS='
make                        make
gcc                         gcc
/usr/include/stdio.h        libc6-dev
aarch64-linux-gnu-gcc       gcc-aarch64-linux-gnu
qemu-system-aarch64         qemu-system-arm
cpio                        cpio'
TEST_NEEDS='
dtc                         device-tree-compiler
python3                     python3
/usr/include/cmocka.h       libcmocka-dev
xz                          xz-utils
clang                       clang
?clang-format-14            clang-format-14
?clang-tidy-14              clang-tidy-14
?/usr/lib/u-boot/qemu_arm64/u-boot.bin      u-boot-qemu
?/usr/include/elfutils/libdw.h               libdw-dev
?pkg-config                 pkg-config
?mkimage                    u-boot-tools
?gdb-multiarch              gdb-multiarch
?/usr/bin/chromedriver      chromium-driver
?/usr/lib/python3/dist-packages/selenium    python3-selenium
?pdftotext                  poppler-utils
?pkg-config                 pkg-config
?/usr/share/bash-completion/bash_completion bash-completion
?dpkg-deb                   dpkg
?lintian                    lintian
?spin                       spin
?/usr/include/mimalloc.h    libmimalloc-dev
?/usr/include/jemalloc/jemalloc.h           libjemalloc-dev
?/usr/src/linux-source-6.12.tar.xz          linux-source-6.12
?/usr/aarch64-linux-gnu/include/stdio.h     libc6-dev-arm64-cross'

present() {
	case $1 in
	/*) [ -e "$1" ] ;;
	# Its minimal package has the command and not these.
	python3) python3 -c 'import gzip, json, shutil' >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# The sanitizers' and the fuzzer's runtime comes in a package of its own, numbered as clang is.
clang_runtime_package() {
	local v
	v=$(clang -dumpversion 2>/dev/null | cut -d. -f1)
	[ -n "$v" ] && echo "libclang-rt-$v-dev"
}

clang_can_fuzz() {
	echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return 0; }' |
		clang -fsanitize=fuzzer,address -x c - -o /dev/null >/dev/null 2>&1
}

kind=${1:-run}
needs=$RUN_NEEDS
[ "$kind" = test ] && needs="$needs
$TEST_NEEDS"

must='' may=''
while read -r what package; do
	[ -n "$what" ] || continue
	present "${what#\?}" && continue
	case $what in
	\?*) may="$may $package" ;;
	*) must="$must $package" ;;
	esac
done <<<"$needs"

fuzz_missing() {
	[ "$kind" = test ] && command -v clang >/dev/null 2>&1 && ! clang_can_fuzz
}

# Of what may be missing, only what this system's lists have: asking again at each run would find no more.
candidate() {
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}
if [ -z "$must" ] && command -v apt-cache >/dev/null 2>&1 && candidate make; then
	known=''
	for package in $may; do
		candidate "$package" && known="$known $package"
	done
	may=$known
fi

if [ -z "$must$may" ] && ! fuzz_missing; then
	exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
	[ -z "$must" ] && exit 0
	echo "These tools are missing; their Debian packages are:$must" >&2
	echo "Install them with this system's package manager and start again." >&2
	exit 1
fi

as_root=''
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		[ -z "$must" ] && exit 0
		echo "Missing packages:$must (as root: apt-get install$must)" >&2
		exit 1
	fi
	as_root=sudo
fi

apt_install() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
}

echo "Installing:$must$may"
$as_root apt-get update -q </dev/null || echo "apt-get update failed; trying with the lists that are there" >&2
if [ -n "$must" ]; then
	# shellcheck disable=SC2086
	apt_install $must || {
		echo "apt-get could not install:$must" >&2
		exit 1
	}
fi
available=''
for package in $may; do
	candidate "$package" && available="$available $package"
done
if [ -n "$available" ]; then
	# shellcheck disable=SC2086
	apt_install $available || echo "not installed:$available; the tests that need them will be skipped" >&2
fi
if fuzz_missing; then
	package=$(clang_runtime_package)
	apt_install "$package" || echo "not installed: $package; the fuzzers will not build" >&2
fi
exit 0
