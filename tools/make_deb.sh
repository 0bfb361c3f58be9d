#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian packages of what make install installs, in BUILD/deb: quire (the command) and libquire-dev (the library for AArch64 kernels).
# Wants dpkg-deb alone; root owns the files in them whoever builds.
#   tools/make_deb.sh BUILD VERSION          (make deb)
set -eu
cd "$(dirname "$0")/.."
build=$1 version=$2
arch=$(dpkg --print-architecture)
out=$build/deb
umask 022
# Who answers for the packages: to be set by whoever distributes them.
maintainer=${DEB_MAINTAINER:-Quire <quire@localhost>}
rm -rf "$out"
mkdir -p "$out"

# finish NAME ARCHITECTURE DEPENDS: the tree in $out/NAME gets what every package has, and becomes one.
finish() {
	local name=$1 tree=$out/$1 architecture=$2 depends=$3 doc=$out/$1/usr/share/doc/$1
	mkdir -p "$tree/DEBIAN" "$doc"
	{
		printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: quire\n\n'
		printf 'Files: *\nCopyright: %s\nLicense: Expat\n' "$(sed -n 's/^Copyright (c) //p' LICENSE)"
		if [ "$name" = quire ]; then
			printf '\nFiles: third_party/d3/*\nCopyright: 2010-2020 Mike Bostock\nLicense: BSD-3-Clause\n'
		fi
		printf '\nFiles: third_party/libfdt/*\nCopyright: David Gibson, IBM Corporation, and others\nLicense: BSD-2-Clause\n'
		printf '\nLicense: Expat\n'
		sed '1,/^Copyright/d; s/^$/./; s/^/ /' LICENSE | sed '1{/^ \.$/d}'
		if [ "$name" = quire ]; then
			printf '\nLicense: BSD-3-Clause\n'
			sed '1,/reserved/d; s/^$/./; s/^/ /' third_party/d3/LICENSE | sed '1{/^ \.$/d}'
		fi
		cat <<-'END'

		License: BSD-2-Clause
		 Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
		 conditions are met:
		 .
		 1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
		 disclaimer.
		 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
		 disclaimer in the documentation and/or other materials provided with the distribution.
		 .
		 THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
		 INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
		 DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
		 SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES;
		 LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN
		 CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
		 SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
		END
	} >"$doc/copyright"
	printf '%s (%s) unstable; urgency=medium\n\n  * Built from the source tree.\n\n -- %s  %s\n' \
		"$name" "$version" "$maintainer" "$(date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}")" |
		gzip -9n >"$doc/changelog.gz"
	cat >"$tree/DEBIAN/control"
	{
		echo "Package: $name"
		echo "Version: $version"
		echo "Architecture: $architecture"
		echo "Maintainer: $maintainer"
		[ -z "$depends" ] || echo "Depends: $depends"
		echo "Installed-Size: $(du -k -s --apparent-size --exclude=DEBIAN "$tree" | cut -f1)"
	} | cat - "$tree/DEBIAN/control" >"$tree/DEBIAN/control.new"
	mv "$tree/DEBIAN/control.new" "$tree/DEBIAN/control"
	(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
	find "$tree" -type d -exec chmod 755 {} +
	dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/${name}_${version}_$architecture.deb" >/dev/null
	echo "$out/${name}_${version}_$architecture.deb"
}

override() { # package, tag, why
	local file=$out/$1/usr/share/lintian/overrides/$1
	mkdir -p "$(dirname "$file")"
	printf '# %s\n%s: %s\n' "$3" "$1" "$2" >>"$file"
}

for name in quire libquire-dev; do
	if [ -z "${DEB_MAINTAINER:-}" ]; then
		override $name 'bogus-mail-host *' 'Local packages have no maintainer: DEB_MAINTAINER names one.'
		override $name 'bogus-mail-host-in-debian-changelog *' 'Likewise.'
	fi
done
make -s B="$build" install-command DESTDIR="$PWD/$out/quire" PREFIX=/usr >&2
# The symbol table stays: callers in the events and in back-traces are named by it.
strip --strip-debug --remove-section=.comment "$out/quire/usr/bin/quire"
gzip -9n "$out/quire/usr/share/man/man1/"*.1
override quire 'unstripped-binary-or-object [usr/bin/quire]' 'It names callers by its own symbol table.'
override quire 'embedded-library *libfdt*' "The core's libfdt is freestanding, and compiled once for each page size."
glibc=$(objdump -T "$out/quire/usr/bin/quire" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
# Where it was built with libdw (profiles of a vmlinux's DWARF).
needed=$(objdump -p "$out/quire/usr/bin/quire" | grep -oE 'NEEDED +lib(dw|elf)' | sed 's/NEEDED *\(.*\)/, \11/' | tr -d '\n')
finish quire "$arch" "libc6 (>= ${glibc#GLIBC_})$needed" <<-'END'
	Section: devel
	Priority: optional
	Suggests: bash-completion, device-tree-compiler
	Description: what Linux will do with an ARM64 board's memory
	 Quire runs the memory management of an ARM64 kernel in a process, over a
	 board's device tree. It predicts every region and reservation of a given
	 Linux build, finds mistakes in what the tree says of memory, and draws it in
	 the terminal or as a page to explore.
END

make -s B="$build" install-library DESTDIR="$PWD/$out/libquire-dev" PREFIX=/usr >&2
aarch64-linux-gnu-strip --strip-debug --enable-deterministic-archives "$out/libquire-dev/usr/lib/quire/aarch64/libquire.a"
# For all architectures: a kernel is cross-compiled.
mkdir -p "$out/libquire-dev/usr/share/pkgconfig"
mv "$out/libquire-dev/usr/lib/pkgconfig/libquire.pc" "$out/libquire-dev/usr/share/pkgconfig/"
rmdir "$out/libquire-dev/usr/lib/pkgconfig"
override libquire-dev 'arch-independent-package-contains-binary-or-object [usr/lib/quire/aarch64/libquire.a]' \
	'A freestanding AArch64 library, linked into kernels that are cross-compiled anywhere.'
override libquire-dev 'pkg-config-bad-directive *' 'Code that includes the headers must be compiled as the library is.'
finish libquire-dev all '' <<-'END'
	Section: libdevel
	Priority: optional
	Suggests: gcc-aarch64-linux-gnu
	Description: memory management for AArch64 kernels, freestanding
	 memblock, page tables, zones and the buddy allocator, slab, vmalloc, per-CPU
	 memory and CMA as a static library behind a small port interface,
	 source-compatible with Linux 6.12's callers. For kernels, hypervisors,
	 firmware and unikernels.
END
