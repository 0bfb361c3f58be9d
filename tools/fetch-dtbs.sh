#!/bin/bash
# SPDX-License-Identifier: MIT
# The device trees of Debian's arm64 kernel package: tools/fetch-dtbs.sh DIR. The package comes by apt, from a package list of its
# own that leaves the system's alone; what is in DIR already is kept. Prints the folder that holds the trees.
set -e
to=$(mkdir -p "$1" && cd "$1" && pwd)
suite=${QUIRE_DTB_SUITE:-bookworm-backports}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ -z "$(find "$to/trees" -name '*.dtb' -print -quit 2>/dev/null)" ]; then
	apt=$to/apt
	mkdir -p "$apt"/etc/apt/{apt.conf.d,preferences.d} "$apt"/var/lib/apt/lists/partial \
		"$apt"/var/cache/apt/archives/partial "$apt/var/lib/dpkg"
	: >"$apt/var/lib/dpkg/status"
	for s in bookworm "$suite"; do
		echo "deb [signed-by=$keyring] http://deb.debian.org/debian $s main"
	done >"$apt/etc/apt/sources.list"
	options=(-o "Dir=$apt" -o "Dir::State::status=$apt/var/lib/dpkg/status" -o APT::Architecture=arm64
		-o APT::Architectures::=arm64 -o APT::Sandbox::User=root -o Acquire::Retries=2)
	apt-get "${options[@]}" -qq update >&2
	package=$(apt-cache "${options[@]}" depends "linux-image-arm64/$suite" | sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p' | head -n 1)
	(cd "$to" && apt-get "${options[@]}" -qq download "$package" >&2)
	mkdir -p "$to/trees"
	dpkg-deb --fsys-tarfile "$to/$package"_*.deb | tar -x -C "$to/trees" --wildcards '*.dtb'
	rm -rf "$to"/*.deb "$apt"
fi
echo "$to/trees"
