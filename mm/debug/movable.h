/* SPDX-License-Identifier: MIT */
/*
 * A user of movable pages, for tests and the stress: an object store. A handle names an object that fills one page with a pattern of its
 * own; the page may move at any time, the handle stays. Any CPU.
 */
#ifndef MM_DEBUG_MOVABLE_H
#define MM_DEBUG_MOVABLE_H

#include <quire/migrate.h>

#define MOVABLE_HANDLES 16384U

/* An object with a handle, 0 .. MOVABLE_HANDLES - 1, or -1: no memory, or no handle left. */
int movable_create(gfp_t gfp);
/* The object's contents are its own; then it goes. False: they were not, or there is no such object. */
bool movable_destroy(int handle);
/* Contents are right. */
bool movable_check(int handle);
/* The page that the object is on now; NULL: no such object. A snapshot. */
struct page *movable_page(int handle);
/* Objects that live; objects moved since the start. */
unsigned int movable_count(void);
unsigned long movable_moved(void);
/* The next n isolations / migrations of any object are refused (-1: all): to test failures. */
extern int movable_refuse_isolate, movable_refuse_migrate;
/* Every object's page and contents, and the pages' marks. Returns the violations. With others quiet. */
int movable_check_all(void);

#endif
