/* SPDX-License-Identifier: MIT */
/* What programs look at transparent huge pages by: numbers of /proc and /sys, and memory with a mark in each page. */
#ifndef TESTS_EL0_THP_H
#define TESTS_EL0_THP_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define KPF_COMPOUND_HEAD 15
#define KPF_COMPOUND_TAIL 16
#define KPF_THP 22

static size_t page;
static int failures;

static void check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", what);
	failures += !ok;
}

static long number(const char *file)
{
	FILE *f = fopen(file, "r");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), ok;

	if (fd < 0)
		return 0;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* A number of /proc: the line that begins with key, after the area of addr, if that is not NULL. */
static long field(const char *file, const char *key, const char *addr)
{
	FILE *f = fopen(file, "r");
	char line[512], from[32];
	int here = !addr;
	long n = -1;

	snprintf(from, sizeof(from), "%08lx-", (unsigned long)addr);
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, from, strlen(from)))
			here = 1;
		if (here && !strncmp(line, key, strlen(key))) {
			n = atol(line + strlen(key));
			break;
		}
	}
	if (f)
		fclose(f);
	return n;
}

static uint64_t word_of(const char *file, uint64_t index)
{
	int fd = open(file, O_RDONLY);
	uint64_t w = 0;

	if (fd < 0 || pread(fd, &w, sizeof(w), (off_t)(index * 8)) != sizeof(w))
		w = 0;
	close(fd);
	return w;
}

static uint64_t pagemap(const char *p)
{
	return word_of("/proc/self/pagemap", (uintptr_t)p / page);
}

static uint64_t flags(const char *p)
{
	return word_of("/proc/kpageflags", pagemap(p) & ((1ULL << 55) - 1));
}

/* Fresh memory there, with a mark in each page. */
static void fill(char *p, size_t len)
{
	mmap(p, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (size_t i = 0; i < len; i += page)
		p[i] = (char)(1 + i / page % 100);
}

static int filled(const char *p, const char *as, size_t len)
{
	for (size_t i = 0; i < len; i += page)
		if (p[i] != (char)(1 + (size_t)(p - as + i) / page % 100))
			return 0;
	return 1;
}

/* /proc and /sys, and the size of a page. */
static void thp_begin(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	page = (size_t)sysconf(_SC_PAGESIZE);
}

#endif
