# make install: the command, its manuals and completion, the library with headers and pkg-config file, the documents.
#   PREFIX   where it will be (/usr/local)      DESTDIR   put before every path, for packages
# make deb: Debian packages in build/deb (tools/make_deb.sh).
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/^\#define QUIRE_VERSION "\(.*\)"/\1/p' cmd/quire/quire.h)
# The archive is for the machine that a kernel runs on, not for this one.
LIBQUIRE_DIR = $(PREFIX)/lib/quire/aarch64
INSTALL := install -p
dest = $(DESTDIR)$(PREFIX)

.PHONY: install install-command install-library uninstall deb
install: install-command install-library
install-command: host
	$(INSTALL) -D -m 755 $(HOST_BIN) $(dest)/bin/quire
	$(INSTALL) -d $(dest)/share/man/man1 $(dest)/share/doc/quire $(dest)/share/quire/profiles
	$(INSTALL) -m 644 docs/man/*.1 $(dest)/share/man/man1
	$(INSTALL) -D -m 644 packaging/quire.bash $(dest)/share/bash-completion/completions/quire
	$(INSTALL) -m 644 profiles/*.profile $(dest)/share/quire/profiles
	$(INSTALL) -m 644 README.md $(wildcard docs/*.md) $(dest)/share/doc/quire
	$(INSTALL) -D -m 644 -t $(dest)/share/doc/quire/examples/ci examples/ci/*
install-library: lib
	$(INSTALL) -D -m 644 $(A)/libquire.a $(DESTDIR)$(LIBQUIRE_DIR)/libquire.a
	$(INSTALL) -d $(dest)/include/libquire/quire $(dest)/lib/pkgconfig
	$(INSTALL) -m 644 include/quire/*.h $(dest)/include/libquire/quire
	$(INSTALL) -m 644 port/bare/include/*.h $(dest)/include/libquire
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBQUIRE_DIR)|; s|@VERSION@|$(VERSION)|' packaging/libquire.pc.in \
		>$(dest)/lib/pkgconfig/libquire.pc
	chmod 644 $(dest)/lib/pkgconfig/libquire.pc
	$(INSTALL) -D -m 644 -t $(dest)/share/doc/libquire-dev/examples/embed examples/embed/*
uninstall:
	rm -f $(dest)/bin/quire $(addprefix $(dest)/share/man/man1/,$(notdir $(wildcard docs/man/*.1))) \
		$(dest)/share/bash-completion/completions/quire $(dest)/lib/pkgconfig/libquire.pc
	rm -rf $(dest)/share/doc/quire $(dest)/share/doc/libquire-dev $(dest)/share/quire $(dest)/include/libquire $(DESTDIR)$(PREFIX)/lib/quire

deb: host lib
	+bash tools/make_deb.sh $(B) $(VERSION)
