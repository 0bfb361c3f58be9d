#!/bin/bash
# SPDX-License-Identifier: MIT
# The packages that the programs of tests/el0/suites are built from: tests/el0/suites/fetch.sh DIR
#
# Into DIR/deb (binary packages of arm64) and DIR/src (source packages), from the mirrors that this machine's apt knows, with lists of
# their own: nothing of the system changes. What is there already is not fetched again. A package that cannot be had is a line in
# DIR/missing.tsv (package, reason) and no error: what needs it is reported as not built.
set -u
mkdir -p "${1:?}" || exit 1
dir=$(cd "$1" && pwd)
mkdir -p "$dir"/{deb,src} "$dir"/apt/{main,non-free,newer}/lists/partial "$dir"/apt/cache/archives/partial

debs='busybox-static liblua5.4-dev libsqlite3-dev libcap-dev libnuma-dev zlib1g-dev linux-image-6.12-cloud-arm64'
srcs='redis memtester mimalloc'
non_free='lmbench'
# Debian 13's stress-ng says how many stressors have passed; with the libraries that it asks for.
newer='stress-ng libc6 libjudydebian1 libapparmor1 libbsd0 libmd0 libcrypt1 libjpeg62-turbo libkmod2 liblzma5 libssl3t64 libzstd1 libsctp1
libxxhash0 zlib1g libacl1 libmpfr6 libgmp10 libstdc++6 libgcc-s1 libtirpc3t64 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libcom-err2
libkrb5support0 libkeyutils1'

have() { compgen -G "$dir/deb/$1_*.deb" >/dev/null; }
have_src() { compgen -G "$dir/src/$1_*.dsc" >/dev/null && [ -e "$dir/src/$1.ok" ]; }
wanted=''
for p in $debs $non_free $newer; do
	case $p in linux-image-*) p='linux-image-6.12*' ;; esac
	have "$p" || wanted=1
done
for p in $srcs; do have_src "$p" || wanted=1; done
if [ -z "$wanted" ]; then
	[ -e "$dir/missing.tsv" ] || : >"$dir/missing.tsv"
	exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
	printf 'all\tno apt-get on this system\n' >"$dir/missing.tsv"
	exit 0
fi

# The machine's own sources, with the source packages of each, and non-free apart: lmbench is there.
conf() { # main, non-free or newer
	local d=$dir/apt/$1
	if compgen -G '/etc/apt/sources.list.d/*.sources' >/dev/null; then
		# A stanza that is for this system's architecture alone is somebody else's.
		cat /etc/apt/sources.list.d/*.sources | awk -v RS= -v ORS='\n\n' '!/(^|\n)Architectures:/' |
			sed 's/^Types:.*/Types: deb deb-src/' >"$d.sources"
		case $1 in
		non-free) sed -i 's/^Components:.*/Components: non-free/' "$d.sources" ;;
		newer) sed -i 's/^Suites: .*-security.*/Suites: trixie-security/; s/^Suites: [a-z]* .*/Suites: trixie/; s/^Suites: [a-z]*$/Suites: trixie/' \
			"$d.sources" ;;
		esac
		echo "Dir::Etc::sourcelist \"$d.sources\";" >"$d.conf"
	else
		grep -hE '^deb ' /etc/apt/sources.list | sed 's/^deb \(\[[^]]*\] \)\?//' |
			awk -v c="$1" '{ if (c == "non-free") $3 = c; if (c == "newer") $2 = $2 ~ /security/ ? "trixie-security" : "trixie"; print "deb " $0; print "deb-src " $0 }' >"$d.list"
		echo "Dir::Etc::sourcelist \"$d.list\";" >"$d.conf"
	fi
	cat >>"$d.conf" <<-END
		Dir::Etc::sourceparts "-";
		Dir::State "$d";
		Dir::State::status "/dev/null";
		Dir::Cache "$dir/apt/cache";
		APT::Architecture "arm64";
		APT::Architectures { "arm64"; };
		APT::Sandbox::User "root";
		Acquire::Retries "1";
		Acquire::http::Timeout "20";
	END
}

: >"$dir/missing.tsv"
miss() { printf '%s\t%s\n' "$1" "$(tr '\n\t' '  ' <<<"$2" | cut -c1-200)" >>"$dir/missing.tsv"; }
for part in main non-free newer; do
	conf $part
	export APT_CONFIG=$dir/apt/$part.conf
	case $part in
	main) names=$debs ;;
	non-free) names=$non_free ;;
	*) names=$newer ;;
	esac
	ready=''
	for p in $names; do
		q=$p
		case $p in linux-image-*)
			have 'linux-image-6.12*' && continue
			;;
		*) have "$p" && continue ;;
		esac
		[ -n "$ready" ] || timeout 300 apt-get update -q >/dev/null 2>&1
		ready=1
		# The kernel's package is empty and depends on the one there is.
		case $p in linux-image-*) q=$(apt-cache depends "$p" 2>/dev/null | sed -n 's/^ *Depends: *\(linux-image-6[^ ]*\).*/\1/p' | head -n 1) ;; esac
		err=$(cd "$dir/deb" && timeout 300 apt-get download -q "${q:-$p}" 2>&1) || miss "$p" "$(grep '^E:' <<<"$err" | head -n 1)"
	done
	[ $part = main ] || continue
	for p in $srcs; do
		have_src "$p" && continue
		[ -n "$ready" ] || timeout 300 apt-get update -q >/dev/null 2>&1
		ready=1
		if err=$(cd "$dir/src" && timeout 300 apt-get source -q --download-only "$p" 2>&1); then
			: >"$dir/src/$p.ok"
		else
			miss "$p" "$(grep '^E:' <<<"$err" | head -n 1)"
		fi
	done
done
exit 0
