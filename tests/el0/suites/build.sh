#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the programs of tests/el0/suites from what fetch.sh brought: tests/el0/suites/build.sh DIR
#
# DIR/root is the directory that programs run in (names as in shown.tsv), DIR/lib the shared libraries of those that come as binaries,
# DIR/linux-image real Linux, and DIR/notbuilt.tsv says what is not there and why. What is built stays: a second run takes a second.
set -u
dir=$(cd "${1:?}" && pwd) || exit 1
here=$(cd "$(dirname "$0")" && pwd)
cross=${CROSS:-aarch64-linux-gnu-}
jobs=$(nproc 2>/dev/null || echo 2)
root=$dir/root
work=$dir/work
tarball=${LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}
mkdir -p "$root" "$work/log" "$dir/lib" "$dir/x"
: >"$dir/notbuilt.tsv"
not_built() { printf '%s\t%s\n' "$1" "$2" >>"$dir/notbuilt.tsv"; }

# ---- packages: each unpacked once
unpack() { # package: where its files are, or an error
	local deb
	deb=$(compgen -G "$dir/deb/$1_*.deb" | head -n 1)
	[ -n "$deb" ] || return 1
	[ -e "$dir/x/$1.ok" ] || { dpkg-deb -x "$deb" "$dir/x/$1" && : >"$dir/x/$1.ok"; } || return 1
	echo "$dir/x/$1"
}
unpack_src() { # source package: its tree
	local dsc
	dsc=$(compgen -G "$dir/src/$1_*.dsc" | head -n 1)
	[ -n "$dsc" ] || return 1
	if [ ! -e "$dir/x/$1-src.ok" ]; then
		local orig
		orig=$(compgen -G "$dir/src/$1_*.orig.tar.*" | head -n 1)
		mkdir -p "$dir/x/$1-src"
		tar -xf "$orig" -C "$dir/x/$1-src" --strip-components=1 && : >"$dir/x/$1-src.ok" || return 1
	fi
	echo "$dir/x/$1-src"
}
why() { # package: why it is not there
	sed -n "s/^$1\t//p" "$dir/missing.tsv" 2>/dev/null | head -n 1 | grep . || echo "package $1 is not there"
}

# ---- a program from sources: one command, its output in work/log. Two at a time.
running=0
compile() { # name, command...
	local name=$1
	shift
	[ -e "$root/$name" ] && return
	(
		if ! "$@" -o "$work/$name.tmp" >"$work/log/$name" 2>&1; then
			not_built "$name" "$(grep -m1 -E 'error|undefined' "$work/log/$name" | sed 's/.*error: //' | cut -c1-120)"
			exit
		fi
		"${cross}strip" "$work/$name.tmp" && mv "$work/$name.tmp" "$root/$name"
	) &
	running=$((running + 1))
	if [ $running -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
}

# ---- Linux's selftests
linux=$dir/linux
selftests() {
	local st=$linux/tools/testing/selftests cc f n prefix d sys=$work/sysroot
	if [ ! -e "$tarball" ]; then
		not_built selftests "no $tarball (package linux-source-6.12)"
		return
	fi
	if [ ! -e "$linux/.ok" ]; then
		mkdir -p "$linux"
		tar -xJf "$tarball" -C "$linux" --strip-components=1 --wildcards --no-wildcards-match-slash 'linux-source-*/tools' 'linux-source-*/scripts' \
			'linux-source-*/include' 'linux-source-*/arch/arm64' 'linux-source-*/arch/x86/include' 'linux-source-*/arch/x86/entry' \
			'linux-source-*/Makefile' 'linux-source-*/Kbuild' 'linux-source-*/Kconfig' 'linux-source-*/usr' 'linux-source-*/mm/gup_test.h' &&
			make -s -C "$linux" ARCH=arm64 headers >"$work/log/headers" 2>&1 && : >"$linux/.ok"
	fi
	[ -e "$linux/.ok" ] || {
		not_built selftests "make headers failed, see $work/log/headers"
		return
	}
	# Headers and static libraries of the few that want more than libc.
	mkdir -p "$sys/include" "$sys/lib"
	for n in libcap-dev libnuma-dev; do
		d=$(unpack $n) && cp -rn "$d"/usr/include/* "$sys/include/" && cp -n "$d"/usr/lib/aarch64-linux-gnu/*.a "$sys/lib/" 2>/dev/null
	done
	cc="${cross}gcc -static -O2 -w -U_FORTIFY_SOURCE -D_GNU_SOURCE= -I$linux -isystem $linux/usr/include -I$linux/tools/include/uapi \
		-I$st -I$sys/include -L$sys/lib -fmacro-prefix-map=$st/mm/="
	echo '/* no liburing */' >"$st/mm/local_config.h"
	for f in "$st"/mm/*.c; do
		n=$(basename "$f" .c)
		case $n in
		vm_util | thp_settings | uffd-common | pkey*) continue ;;
		soft-dirty | hugetlb-read-hwpoison | hmm-tests | protection_keys) ;;
		uffd-*)
			compile "$n" $cc "$f" "$st/mm/uffd-common.c" "$st/mm/vm_util.c" "$st/mm/thp_settings.c" -lrt -lpthread -lm
			continue
			;;
		esac
		compile "$n" $cc "$f" "$st/mm/vm_util.c" "$st/mm/thp_settings.c" -lrt -lpthread -lm -lcap -lnuma
	done
	for d in proc:proc_ timers:timers_ exec:exec_ prctl:prctl_ cgroup:cg_ pidfd: clone3: core: sigaltstack: splice: mqueue: \
		breakpoints: vDSO: futex/functional: mincore: membarrier:membarrier_ memfd: ipc: kcmp: rlimits: ptrace: sched: tmpfs: \
		openat2: fchmodat2: rseq: timens:timens_ cachestat: filelock: pid_namespace: seccomp:; do
		prefix=${d#*:}
		d=${d%%:*}
		for f in "$st/$d"/*.c; do
			[ -e "$f" ] || continue
			n=$(basename "$f" .c)
			case $d/$n in
			*x86* | */*tsc* | */fuse_* | breakpoints/breakpoint_test) continue ;;
			cgroup/cgroup_util | vDSO/parse_vdso | memfd/common | openat2/helpers | rseq/rseq) continue ;;
			esac
			local more=''
			case $d/$n in
			cgroup/*) more=$st/cgroup/cgroup_util.c ;;
			vDSO/vdso_test_chacha) more=$st/vDSO/vgetrandom-chacha.S ;;
			vDSO/vdso_test_gettimeofday | vDSO/vdso_test_getcpu | vDSO/vdso_test_abi | vDSO/vdso_test_getrandom) more=$st/vDSO/parse_vdso.c ;;
			memfd/*) more=$st/memfd/common.c ;;
			openat2/*) more=$st/openat2/helpers.c ;;
			rseq/*) more=$st/rseq/rseq.c ;;
			esac
			n=${n#"${prefix:+test_}"}
			[ "$prefix" = cg_ ] && n=test_$n
			compile "$prefix$n" $cc -I"$st/$d" -I"$st/futex/include" -I"$st/../../../tools/include" -idirafter "$linux/include/uapi" \
				"$f" $more -lrt -lpthread -lm -lcap -ldl
		done
	done
	wait
	running=0
	cc="$cc -include linux/types.h -include asm/posix_types.h"
	arm64_selftests "$st/arm64"
	compile acct_acct_syscall $cc "$st/acct/acct_syscall.c"
	compile eventfd_eventfd_test $cc "$st/filesystems/eventfd/eventfd_test.c"
	compile timers_valid-adjtimex $cc -Dclock_adjtime=my_clock_adjtime "$st/timers/valid-adjtimex.c" -lrt
	wait
	running=0
}

# Those of arm64: its numbers, its signals' frames, pointers that are tagged. What the assembler has to know is said to it.
arm64_selftests() { # directory
	local a=$1 f n o=$work/arm64
	mkdir -p "$o"
	for n in abi/syscall-abi-asm fp/fp-ptrace-asm signal/signals; do
		[ -e "$o/$(basename "$n").o" ] || "${cross}gcc" -c -march=armv8.5-a+memtag+sve -D__ASSEMBLY__ -I"$a/$(dirname "$n")" \
			-idirafter "$linux/tools/include" -isystem "$linux/usr/include" -o "$o/$(basename "$n").o" "$a/$n.S" >"$work/log/$(basename "$n").as" 2>&1
	done
	for n in hwcap ptrace; do compile arm64_abi_$n $cc -Du64=__u64 "$a/abi/$n.c"; done
	compile arm64_syscall-abi $cc "$a/abi/syscall-abi.c" "$o/syscall-abi-asm.o"
	compile arm64_fp-ptrace $cc "$a/fp/fp-ptrace.c" "$o/fp-ptrace-asm.o"
	compile arm64_tags $cc "$a/tags/tags_test.c"
	for f in "$a"/signal/testcases/*.c; do
		n=$(basename "$f" .c)
		case $n in testcases | ssve_* | sme_* | sve_* | za_* | zt_* | *_streaming_* | *_za_* | *_sme_* | *_sve_*) continue ;; esac
		compile "arm64_sig_$n" $cc -std=gnu99 -I"$a/signal" -idirafter "$linux/tools/include" "$f" "$a/signal/test_signals.c" \
			"$a/signal/test_signals_utils.c" "$a/signal/testcases/testcases.c" "$a/signal/sve_helpers.c" "$o/signals.o"
	done
}

# ---- programs around libraries that Debian has for arm64
busybox() {
	local d
	d=$(unpack busybox-static) || {
		not_built busybox "$(why busybox-static)"
		return
	}
	[ -e "$root/busybox" ] || cp "$(find "$d" -path '*/bin/busybox' | head -n 1)" "$root/busybox"
}
around() { # name, package, source, what else
	local d
	d=$(unpack "$2") || {
		not_built "$1" "$(why "$2")"
		return
	}
	compile "$1" "${cross}gcc" -static -O2 -I"$d/usr/include" -I"$d/usr/include/lua5.4" -I"$d/usr/include/aarch64-linux-gnu" "$here/$3" \
		"$(find "$d" -name "$4")" -lm -lpthread
}

own() { # a program of this folder
	[ "$here/$1.c" -nt "$root/$1" ] && rm -f "$root/$1"
	compile "$1" "${cross}gcc" -static -O1 -Wall "$here/$1.c" -lpthread
}

memtester() {
	local d
	d=$(unpack_src memtester) || {
		not_built memtester "$(why memtester)"
		return
	}
	compile memtester "${cross}gcc" -static -O2 -w -DPOSIX -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DTEST_NARROW_WRITES \
		-DMEMTESTER_VERSION='"4"' -Dmemtester_VERSION='"4"' "$d/memtester.c" "$d/tests.c"
}

mimalloc() {
	local d n
	d=$(unpack_src mimalloc) || {
		not_built mi_test_api "$(why mimalloc)"
		return
	}
	local cc="${cross}gcc -static -O2 -w -I$d/include"
	for n in api api-fill; do
		compile "mi_test_${n//-/_}" $cc "$d/test/test-$n.c" "$d/src/static.c" -lpthread
	done
	compile mb_mstress $cc -DUSE_STD_MALLOC "$d/test/test-stress.c" -lpthread
	compile mb_mstress_mi $cc "$d/test/test-stress.c" "$d/src/static.c" -lpthread
	for n in cscratch larson espresso malloclarge xmalloc; do
		not_built "mb_$n" 'mimalloc-bench is in no Debian package'
	done
}

redis() {
	local d n
	[ -e "$root/redis-benchmark" ] && return
	d=$(unpack_src redis) || {
		not_built redis-server "$(why redis)"
		return
	}
	for n in hiredis linenoise lua hdr_histogram; do
		(cd "$d/deps" && make -s CC="${cross}gcc" AR="${cross}ar rcu" RANLIB="${cross}ranlib" CFLAGS='-O2 -w' "$n") >>"$work/log/redis" 2>&1
	done
	if make -s -j"$jobs" -C "$d/src" CC="${cross}gcc" AR="${cross}ar" MALLOC=libc OPT=-O1 USE_SYSTEMD=no LDFLAGS=-static \
		uname_S=Linux uname_M=aarch64 REDIS_CFLAGS=-w redis-server redis-cli redis-benchmark >>"$work/log/redis" 2>&1; then
		for n in redis-server redis-cli redis-benchmark; do "${cross}strip" -o "$root/$n" "$d/src/$n"; done
	else
		not_built redis-server "$(grep -m1 -E 'error|undefined' "$work/log/redis" | cut -c1-120)"
	fi
}

# ---- those that come as Debian's binaries, with the libraries they ask for
# stress-ng is linked with three libraries of graphics that none of its memory tests calls: they are replaced by empty ones.
dynamic() {
	local d n lib
	d=$(unpack stress-ng) || not_built stress-ng "$(why stress-ng)"
	if [ -n "$d" ] && [ ! -e "$root/stress-ng" ]; then
		"${cross}nm" -D --undefined-only "$d/usr/bin/stress-ng" | awk '{print $2}' | sed 's/@.*//' >"$work/undefined"
		for lib in 'libEGL.so.1 ^egl' 'libGLESv2.so.2 ^gl[A-Z]' 'libgbm.so.1 ^gbm_'; do
			grep -E "${lib#* }" "$work/undefined" | sed 's/.*/long &(void) { return 0; }/' >"$work/stub.c"
			"${cross}gcc" -shared -fPIC -w -nostdlib -Wl,-soname,"${lib% *}" -o "$dir/lib/${lib% *}" "$work/stub.c"
		done
		cp "$d/usr/bin/stress-ng" "$root/"
	fi
	d=$(unpack lmbench) || not_built lmbench "$(why lmbench)"
	if [ -n "$d" ] && [ ! -e "$root/lm_hello" ]; then
		find "$d/usr/lib/lmbench" -type f -perm -1 -exec file {} + | sed -n 's/:.*ELF.*//p' | while read -r n; do
			cp "$n" "$root/lm_$(basename "$n")"
		done
	fi
	for n in libc6 libjudydebian1 libapparmor1 libbsd0 libmd0 libcrypt1 libjpeg62-turbo libkmod2 liblzma5 libssl3t64 libzstd1 libsctp1 \
		libxxhash0 zlib1g libacl1 libmpfr6 libgmp10 libstdc++6 libgcc-s1 libtirpc3t64 libgssapi-krb5-2 libkrb5-3 libk5crypto3 \
		libcom-err2 libkrb5support0 libkeyutils1; do
		d=$(unpack $n) || {
			not_built "libraries" "$(why $n)"
			continue
		}
		[ -e "$dir/lib/.$n" ] && continue
		find "$d" -name '*.so*' \( -path '*/aarch64-linux-gnu/lib*' -o -path '*/aarch64-linux-gnu/ld-*' \) -exec cp -L {} "$dir/lib/" \; 2>/dev/null
		: >"$dir/lib/.$n"
	done
}

linux_image() {
	local d
	d=$(cd "$dir/deb" && compgen -G 'linux-image-6.12*.deb' | tail -n 1)
	d=$(unpack "${d%%_*}") || {
		not_built 'Linux' "$(why linux-image-6.12-cloud-arm64)"
		return
	}
	[ -e "$dir/linux-image" ] || cp "$d"/boot/vmlinuz-* "$dir/linux-image"
}

busybox
linux_image
around lua liblua5.4-dev lua_main.c liblua5.4.a
around sqlite3 libsqlite3-dev sqlite_main.c libsqlite3.a
own ipc
memtester
mimalloc
dynamic
selftests
redis
wait
cp "$here"/t[12].sql "$here/heap.lua" "$here/redis_save.sh" "$root/"
sort -u -o "$dir/notbuilt.tsv" "$dir/notbuilt.tsv"
echo "$(find "$root" -type f | wc -l) programs built, $(wc -l <"$dir/notbuilt.tsv") not (build/suites/notbuilt.tsv)"
