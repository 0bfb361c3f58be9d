#!/bin/bash
# SPDX-License-Identifier: MIT
# What make install and make deb put somewhere is used from there, away from the sources: the command, its manuals and completion, the
# library through pkg-config, the CI example on a repository of device trees. Usage: tests/install/run.sh BUILD
set -u
build=$1
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# result NAME WHAT-IS-WRONG [FILE]
result() {
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1: $2"
		[ -n "${3:-}" ] && tail -n 15 "$3"
	fi
}
skip() {
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}
# attempt NAME COMMAND...: must succeed.
attempt() {
	local name=$1 wrong=''
	shift
	"$@" >"$work/log" 2>&1 || wrong="exit $?"
	result "$name" "$wrong" "$work/log"
}
# away COMMAND...: somewhere else, with little of an environment.
away() {
	(cd "$work" && env -i PATH=/usr/bin:/bin HOME="$work" TERM=dumb "$@")
}

stage=$work/stage
zcat tests/oracle/cases/A-mem-1G.dtb.gz >"$work/board.dtb"
attempt 'make install' make -s B="$build" install DESTDIR="$stage" PREFIX=/opt/quire
quire=$stage/opt/quire/bin/quire

version=$(sed -n 's/^#define QUIRE_VERSION "\(.*\)"/\1/p' cmd/quire/quire.h)
wrong=''
[ "$(away "$quire" --version)" = "quire $version" ] || wrong='another version'
result 'the installed command is this version' "$wrong"
away "$quire" predict board.dtb --json >"$work/there.json" 2>"$work/log"
"$build/quire" predict "$work/board.dtb" --json >"$work/here.json"
wrong=''
cmp -s "$work/there.json" "$work/here.json" || wrong='another result than in the source tree'
result 'it predicts' "$wrong" "$work/log"
wrong=''
{ away "$quire" map board.dtb -o map.html && tail -n 1 "$work/map.html" | grep -q '</html>'; } >"$work/log" 2>&1 || wrong='no report'
result 'it draws the report without a file beside it' "$wrong" "$work/log"
attempt 'its profiles can be used' away "$quire" predict board.dtb --build "$stage/opt/quire/share/quire/profiles/linux-6.12.115-debian.profile"

# Every command that help names has a manual, and every manual is installed.
wrong=''
# shellcheck disable=SC1091
. packaging/quire.bash
commands=$(_quire_commands "$quire")
[ "$(wc -w <<<"$commands")" -ge 12 ] || wrong="few commands: $commands"
for command in $commands; do
	# The texts of /proc share one.
	[ -s "$stage/opt/quire/share/man/man1/quire-$command.1" ] || grep -q "$command" "$stage/opt/quire/share/man/man1/quire-proc.1" ||
		wrong="$wrong no manual for $command;"
done
result 'every command has a manual' "$wrong"
if command -v groff >/dev/null 2>&1 && [ -e /usr/share/groff/current/tmac/an.tmac ] || [ -e "$(echo /usr/share/groff/*/tmac/an.tmac)" ]; then
	wrong=$(for page in "$stage"/opt/quire/share/man/man1/*.1; do groff -man -Tascii -ww -z "$page" 2>&1 | head -n 2; done)
	result 'the manuals are without errors' "${wrong:0:300}"
else
	skip 'the manuals' 'no groff with its man macros here'
fi

# ---- completion, as bash asks for it
complete_words() { # words..., the last one being typed: what is offered
	(
		cd "$work" || exit
		# shellcheck disable=SC1090
		. "$stage/opt/quire/share/bash-completion/completions/quire"
		COMP_WORDS=("$quire" "$@") COMP_CWORD=$#
		_quire "$quire"
		printf '%s\n' "${COMPREPLY[@]}"
	) 2>/dev/null
}
offers() { # name, what must be offered, words
	local name=$1 want=$2 wrong='' got
	shift 2
	got=$(complete_words "$@")
	for w in $want; do
		grep -qxF -- "$w" <<<"$got" || wrong="$wrong no $w among: $(tr '\n' ' ' <<<"$got" | cut -c1-200)"
	done
	result "completion: $name" "$wrong"
}
mkdir -p "$work/folder"
touch "$work/other.txt" "$work/a name.dtb"
offers 'commands' 'predict map check boot slabinfo' ''
offers 'a beginning of a command' 'predict' pre
offers 'options of a command' '--build --json --append' predict --
offers 'a beginning of an option' '--range' map --ra
offers 'trees and folders' 'board.dtb folder' boot ''
offers 'profiles' 'linux-6.1-debian linux-6.12.115-debian' predict board.dtb --build ''
offers 'CPU models' 'cortex-a53 max' boot --cpu ''
offers 'page sizes' '16k' boot --granule 1
offers 'a value after =' 'linux-6.1-debian' predict --build = linux-6.1
offers 'all values after =' 'linux-6.1-debian' predict --build =
offers 'checks' 'cma-unaligned' check --only cma-un
offers 'one more check' 'cma-unaligned,memory-cells' check --only cma-unaligned,memory-c
wrong=''
complete_words boot '' | grep -q other.txt && wrong='it offers a file that is no tree'
complete_words boot '' | grep -qx 'a name.dtb' || wrong='a name with a blank is not offered whole'
complete_words ptdump -- | grep -q -- --json && wrong='it offers an option that the command has not'
result 'completion: nothing else' "$wrong"

# ---- the library
if command -v pkg-config >/dev/null 2>&1; then
	pc() {
		PKG_CONFIG_PATH=$stage/opt/quire/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage pkg-config "$@"
	}
	wrong=''
	[ "$(pc --modversion libquire 2>&1)" = "$version" ] || wrong="version $(pc --modversion libquire 2>&1)"
	result 'pkg-config knows libquire' "$wrong"
	cp -r "$stage/opt/quire/share/doc/libquire-dev/examples/embed" "$work/toy"
	# shellcheck disable=SC2046
	(cd "$work/toy" && aarch64-linux-gnu-gcc -std=gnu11 -O2 -Wall -Wextra -Werror -fno-asynchronous-unwind-tables $(pc --cflags libquire) \
		-nostdlib -static -Wl,-T,kernel.lds,--build-id=none,-z,max-page-size=65536,--no-warn-rwx-segments -o toy.elf head.S kernel.c \
		$(pc --libs libquire) && aarch64-linux-gnu-objcopy -O binary toy.elf toy.img) >"$work/log" 2>&1 && wrong='' || wrong='it does not build'
	result 'a kernel is built through pkg-config' "$wrong" "$work/log"
	if command -v qemu-system-aarch64 >/dev/null 2>&1; then
		timeout 60 qemu-system-aarch64 -M virt -cpu cortex-a57 -m 1G -net none -display none -serial stdio -kernel "$work/toy/toy.img" \
			</dev/null >"$work/log" 2>&1
		wrong=''
		grep -q 'toy: done' "$work/log" || wrong='it does not run to its end'
		result 'and boots' "$wrong" "$work/log"
	else
		skip 'booting it' 'no QEMU here'
	fi
	# Every header of the library can be included alone.
	wrong=$(for h in "$stage"/opt/quire/include/libquire/quire/*.h; do
		# shellcheck disable=SC2046
		echo "#include <quire/${h##*/}>" | aarch64-linux-gnu-gcc -std=gnu11 $(pc --cflags libquire) -fsyntax-only -x c - >/dev/null 2>&1 || echo "${h##*/}"
	done | tr '\n' ' ')
	result 'each header stands alone' "$wrong"
else
	skip 'the library through pkg-config' 'no pkg-config here'
fi

# ---- the CI example
mkdir -p "$work/repository/boards" "$work/repository/include" "$work/bin"
ln -s "$quire" "$work/bin/quire"
printf '#define RAM 0x80000000\n' >"$work/repository/include/ram.h"
board() { # address of a second reservation, at a size of 2 MiB as the first
	cat <<-END
		/dts-v1/;
		#include <ram.h>
		/ { #address-cells = <2>; #size-cells = <2>; compatible = "acme,board"; model = "Board";
			chosen { };
			cpus { #address-cells = <1>; #size-cells = <0>;
				cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0>; enable-method = "psci"; }; };
			memory@80000000 { device_type = "memory"; reg = <0 RAM 0 0x40000000>; };
			reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
				secure@90000000 { reg = <0 0x90000000 0 0x200000>; no-map; };
				firmware@$1 { reg = <0 0x$1 0 0x200000>; no-map; }; };
			psci { compatible = "arm,psci-1.0"; method = "smc"; };
		};
	END
}
board 98000000 >"$work/repository/boards/good.dts"
ci() {
	(cd "$work/repository" && PATH=$work/bin:$PATH timeout 60 bash "$stage/opt/quire/share/doc/quire/examples/ci/check-device-trees.sh" "$@")
}
attempt 'CI: a clean repository passes' ci . --severity error
board 90100000 >"$work/repository/boards/overlap.dts"
ci . --severity error >"$work/log" 2>&1
wrong="exit $?"
[ "$wrong" = 'exit 1' ] && grep -q 'boards__overlap' "$work/log" && grep -q 'reserved-overlap' "$work/log" && wrong=''
result 'CI: reservations that overlap are found' "$wrong" "$work/log"
ci . --sarif >"$work/sarif.json" 2>"$work/log"
python3 - "$work/sarif.json" <<'PY' >>"$work/log" 2>&1 && wrong='' || wrong='no SARIF with a result'
import json, sys
doc = json.load(open(sys.argv[1]))
assert doc["version"] == "2.1.0" and doc["runs"][0]["results"]
PY
result 'CI: findings as SARIF' "$wrong" "$work/log"
echo 'banana' >"$work/repository/boards/broken.dts"
ci . >"$work/log" 2>&1
wrong="exit $?"
[ "$wrong" = 'exit 2' ] && grep -q 'broken.dts does not compile' "$work/log" && wrong=''
result 'CI: a source that does not compile is said' "$wrong" "$work/log"
# What the workflow runs is what is tested here, and it is YAML.
wrong=$(python3 - examples/ci/check-device-trees.yml <<'PY' 2>&1
import sys
text = open(sys.argv[1]).read()
try:
    import yaml
    steps = yaml.safe_load(text)["jobs"]["memory"]["steps"]
    text = "\n".join(s.get("run", "") for s in steps)
except ImportError:
    pass
for line in ("check-device-trees.sh . --severity error", "check-device-trees.sh . --sarif"):
    if line not in text:
        print("no", line)
PY
)
result 'CI: the workflow runs that script' "$wrong"

# ---- Debian packages
if command -v dpkg-deb >/dev/null 2>&1; then
	attempt 'make deb' make -s B="$build" deb
	deb=$(echo "$build"/deb/quire_*.deb) dev=$(echo "$build"/deb/libquire-dev_*.deb)
	mkdir -p "$work/clean"
	{ dpkg-deb -x "$deb" "$work/clean" && dpkg-deb -x "$dev" "$work/clean"; } >"$work/log" 2>&1
	wrong=''
	[ "$(away "$work/clean/usr/bin/quire" --version)" = "quire $version" ] || wrong='another version'
	away "$work/clean/usr/bin/quire" boot board.dtb --json >"$work/boot.json" 2>>"$work/log" || wrong='it does not boot a board'
	# Its symbols are still there: events have callers.
	grep -q '"caller": "arm64_memblock_init"' "$work/boot.json" || wrong='callers have no names'
	result 'the packaged command runs' "$wrong" "$work/log"
	wrong=''
	dpkg-deb -f "$deb" Depends | grep -qE '^libc6 \(>= [0-9.]+\)(, libdw1, libelf1)?$' || wrong="Depends: $(dpkg-deb -f "$deb" Depends)"
	[ -s "$work/clean/usr/share/doc/quire/copyright" ] && [ -s "$work/clean/usr/share/man/man1/quire-map.1.gz" ] || wrong='copyright or manual missing'
	dpkg-deb -c "$deb" | awk '$2 != "root/root"' | grep -q . && wrong='files that are not of root'
	result 'the package is whole' "$wrong"
	if command -v lintian >/dev/null 2>&1; then
		wrong=$(lintian --allow-root --fail-on error,warning "$deb" "$dev" 2>&1 | grep -E '^[EW]:' | head -n 5)
		result 'lintian has nothing to say' "$wrong"
	else
		skip 'lintian' 'it is not here'
	fi
	# Installed by dpkg itself, where a root of its own can be had.
	mkdir -p "$work/root/var/lib/dpkg/updates" "$work/root/var/lib/dpkg/info"
	: >"$work/root/var/lib/dpkg/status"
	if [ "$(id -u)" = 0 ]; then
		attempt 'dpkg installs it' dpkg --root="$work/root" --force-depends,not-root,script-chrootless -i "$deb" "$dev"
		attempt 'and it runs from there' away "$work/root/usr/bin/quire" map board.dtb
		attempt 'dpkg removes it' dpkg --root="$work/root" --force-not-root -r quire libquire-dev
		wrong=''
		[ ! -e "$work/root/usr/bin/quire" ] || wrong='the command is still there'
		result 'nothing of it stays' "$wrong"
	else
		skip 'dpkg -i' 'not root'
	fi
else
	skip 'Debian packages' 'no dpkg-deb here'
fi

attempt 'make uninstall' make -s B="$build" uninstall DESTDIR="$stage" PREFIX=/opt/quire
left=$(find "$stage" -type f | head -n 3 | tr '\n' ' ')
result 'it leaves nothing' "$left"
cd "$root" || exit 1
echo "install: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed != 0 ]
