#!/bin/bash
# SPDX-License-Identifier: MIT
# The initramfs that ./run boots: tools/initramfs.sh FILE.cpio
#
# Debian's busybox-static of arm64, and what is in user/. The package comes from the mirrors that this machine's apt knows, with lists of
# their own, so that nothing of the system changes; it is fetched once. Without it there is one line that says so, and code 1.
set -u
cd "$(dirname "$0")/.." || exit 1
out=$(realpath -m "${1:?}")
dir=$PWD/build/busybox
busybox=$dir/busybox

fetch() {
	mkdir -p "$dir"/apt/lists/partial "$dir"/apt/cache/archives/partial || return 1
	if compgen -G '/etc/apt/sources.list.d/*.sources' >/dev/null; then
		# A stanza that is for this system's architecture alone is somebody else's.
		cat /etc/apt/sources.list.d/*.sources | awk -v RS= -v ORS='\n\n' '!/(^|\n)Architectures:/' >"$dir/apt/main.sources"
		list=$dir/apt/main.sources
	else
		grep -hE '^deb ' /etc/apt/sources.list | sed 's/^deb \(\[[^]]*\] \)\?/deb /' >"$dir/apt/main.list"
		list=$dir/apt/main.list
	fi
	cat >"$dir/apt/conf" <<-END
		Dir::Etc::sourcelist "$list";
		Dir::Etc::sourceparts "-";
		Dir::State "$dir/apt";
		Dir::State::status "/dev/null";
		Dir::Cache "$dir/apt/cache";
		APT::Architecture "arm64";
		APT::Architectures { "arm64"; };
		APT::Sandbox::User "root";
		Acquire::Retries "1";
		Acquire::http::Timeout "20";
	END
	export APT_CONFIG=$dir/apt/conf
	timeout 300 apt-get update -q >"$dir/apt/log" 2>&1
	(cd "$dir" && timeout 300 apt-get download -q busybox-static) >>"$dir/apt/log" 2>&1
}

# The file in a package: ar's data.tar, without dpkg, which another distribution has not.
unpack() {
	local deb
	deb=$(compgen -G "$dir/busybox-static_*_arm64.deb" | head -n 1)
	[ -n "$deb" ] || return 1
	(cd "$dir" && if command -v dpkg-deb >/dev/null 2>&1; then
		dpkg-deb -x "$deb" x
	else
		mkdir -p x && ar p "$deb" data.tar.xz | tar -xJ -C x
	fi) || return 1
	cp "$(find "$dir/x" -path '*/bin/busybox' | head -n 1)" "$busybox"
}

if [ ! -s "$busybox" ]; then
	for place in "${QUIRE_SUITES:-build/suites}"/deb; do
		cp "$place"/busybox-static_*_arm64.deb "$dir/" 2>/dev/null
	done
	unpack 2>/dev/null || { command -v apt-get >/dev/null 2>&1 && fetch && unpack 2>/dev/null; } || {
		echo "tools/initramfs.sh: Debian's package busybox-static for arm64 is not to be had here" >&2
		exit 1
	}
fi

root=$dir/root
rm -rf "$root"
mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,root} || exit 1
cp "$busybox" "$root/bin/busybox"
# The names that a shell's user expects; busybox looks at the one that it is called by.
for name in sh ash cat cp cut date dd df dmesg echo env expr false find free grep head hexdump hostname id kill less ln ls mkdir mknod mkfifo \
	more mount mv od ps pwd readlink rm rmdir sed seq setsid sleep sort stat stty sync tail tee test time top touch tr true umount uname uniq \
	vi wc which whoami xargs yes awk basename chmod chown clear cmp diff dirname du md5sum printf reset sha256sum tty uptime usleep; do
	ln -s busybox "$root/bin/$name"
done
cp user/init user/demo "$root/" || exit 1
chmod +x "$root/init" "$root/demo"
ln -s /init "$root/bin/init"
echo 'root::0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
mkdir -p "$(dirname "$out")"
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$out.tmp" && mv "$out.tmp" "$out"
