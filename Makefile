# Quire. `./run` and `./test` install what this needs; see README.md.
#
#   make         the image (build/arm64/quire.img), the command (build/quire), the library (build/arm64/libquire.a)
#   make image-16k image-64k      the image with larger pages (build/arm64-16k, build/arm64-64k)
#   make run     boot the image in QEMU            make test    everything ./test runs
#   make install PREFIX=/usr/local [DESTDIR=...]      make deb   Debian packages in build/deb
#   make bench   the tables of docs/performance.md make debug   QEMU waiting for gdb-multiarch
.DEFAULT_GOAL := all
SHELL := /bin/bash
B := build

CROSS ?= aarch64-linux-gnu-
HOSTCC ?= gcc
CLANG ?= clang

WARN := -Wall -Wextra -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wimplicit-fallthrough \
	-Werror=undef -Werror=vla -Werror=missing-prototypes -Werror=implicit-fallthrough \
	-Werror=strict-prototypes -Wno-unused-parameter
STD := -std=gnu11 -g -O2 -fno-common -fno-strict-aliasing
INC := -Iinclude -Ithird_party/libfdt

# The core: the same sources for every port and granule. boot/selftest runs on both.
CORE_SRC := $(sort $(wildcard lib/*.c mm/early/*.c mm/page/*.c mm/kmem/*.c mm/debug/*.c arch/arm64/*.c boot/*.c report/*.c mm/vm/commit.c))
FDT_SRC := $(sort $(wildcard third_party/libfdt/*.c))
# zlib, of which the image takes what unpacks: no libc, tables of checksums made when they are wanted.
ZLIB_SRC := $(sort $(wildcard third_party/zlib/*.c))
ZLIB_FLAGS := -Ithird_party/zlib -DZ_SOLO -DZLIB_CONST -DDYNAMIC_CRC_TABLE
DEPFLAGS = -MMD -MP

# One short line a step; V=1 shows the commands.
ifndef V
Q := @
endif
say = $(if $(V),,@echo '  $(1)	$(2)')

include mk/image.mk
include mk/host.mk
include mk/test.mk
include mk/debug.mk
include mk/install.mk

all: image host lib
.PHONY: all clean
clean:
	rm -rf $(B)
